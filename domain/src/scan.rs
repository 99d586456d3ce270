//! The record of one report: which tool looked at what, when, and what came of it.
//!
//! It holds no findings and closes none; those are streams of their own.

mod command;
mod decide;
mod event;
mod identity;
mod record;
mod state;
mod target;

#[cfg(test)]
mod tests;

pub use command::Command;
pub use decide::Refusal;
pub use event::Event;
pub use identity::{NAMESPACE, NAMESPACE_OF_KEYS};
pub use record::{Counts, HOSTS_MAX, Hosts, Record, Scope};
pub use state::Scan;
pub use target::target;

use crate::{
    decider::{Decider, ImpossibleHistory, StreamIndex},
    vocabulary::{StreamKind, Timestamp},
};

impl Decider for Scan {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    const KIND: StreamKind = StreamKind::Scan;
    const FOLD_VERSION: i16 = 1;

    fn initial() -> Self {
        Self::Unrecorded
    }

    fn decide(&self, command: Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        decide::decide(self, command, now)
    }

    fn evolve(self, event: &Event) -> Result<Self, ImpossibleHistory> {
        state::evolve(self, event)
    }

    fn index(&self) -> StreamIndex {
        match self {
            Self::Unrecorded => StreamIndex::default(),
            Self::Recorded { tool } => StreamIndex { lane: Some(tool.to_string()), ..StreamIndex::default() },
        }
    }
}
