//! What was refused at the door: log-ins that failed and rights that were missing.
//!
//! Each occurrence, or each minute's worth of them, is a stream of its own with a random id, so that a thousand
//! attackers never wait for one another's version. The flood rule (`flood`) decides which of the two it is.
//!
//! It never holds a login name, a password or an address: the account is a keyed hash, and where the attempt came from
//! is sealed beside the event.

mod attempt;
mod command;
mod decide;
mod event;
pub mod flood;
mod prefix;
mod state;
#[cfg(test)]
mod tests;

pub use attempt::{AccountHash, DenialSource, LogInFailure, LogInSource, OPERATION_MAX_BYTES, Operation};
pub use command::Command;
pub use decide::Refusal;
pub use event::Event;
pub use prefix::NetworkPrefix;
pub use state::{Access, What};

use crate::decider::{Decider, ImpossibleHistory, StreamIndex};
use crate::vocabulary::{StreamKind, Timestamp};

impl Decider for Access {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    const KIND: StreamKind = StreamKind::Access;
    const FOLD_VERSION: i16 = 1;

    fn initial() -> Self {
        Self::Unrecorded
    }

    fn decide(&self, command: Command, _now: Timestamp) -> Result<Vec<Event>, Refusal> {
        decide::decide(self, command)
    }

    fn evolve(self, event: &Event) -> Result<Self, ImpossibleHistory> {
        state::evolve(self, event)
    }

    fn index(&self) -> StreamIndex {
        StreamIndex::default()
    }
}
