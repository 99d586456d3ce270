//! What operators decide about a read model: that it is rebuilt, switched, paused, verified, mended.
//!
//! The decider knows what was decided before and nothing of the read side: whether a generation is ready to be switched
//! to is judged by the projector when it acts, and shows in the operation's outcome. It gives out generation numbers.

mod command;
mod decide;
mod event;
mod state;
#[cfg(test)]
mod tests;

pub use command::{Command, Wish};
pub use decide::Refusal;
pub use event::{Decision, Event, Scope};
pub use state::Projection;

use crate::decider::{Decider, ImpossibleHistory, StreamIndex};
use crate::vocabulary::{StreamKind, Timestamp};

/// Skipped events are named in every snapshot of the stream. Whoever skips this many has another problem.
pub const SKIPS_MAX: usize = 1_000;

impl Decider for Projection {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    const KIND: StreamKind = StreamKind::Projection;
    const FOLD_VERSION: i16 = 1;

    fn initial() -> Self {
        Self::default()
    }

    fn decide(&self, command: Command, _now: Timestamp) -> Result<Vec<Event>, Refusal> {
        decide::decide(self, command)
    }

    fn evolve(self, event: &Event) -> Result<Self, ImpossibleHistory> {
        state::evolve(self, event)
    }

    fn index(&self) -> StreamIndex {
        StreamIndex { open: true, ..StreamIndex::default() }
    }
}
