//! One signed-in stay of a user, from log-in until they leave or the time is up.
//!
//! Both APIs look at its row before they serve anybody, so ending it bites within a second. It never holds a token or
//! anything a token could be made of, and it does not know whether its user may still come in: that is the user's row.

mod command;
mod decide;
mod event;
mod state;
#[cfg(test)]
mod tests;

pub use command::Command;
pub use decide::{Refusal, SESSION_MAX_HOURS};
pub use event::Event;
pub use state::Session;

use crate::decider::{Decider, ImpossibleHistory, StreamIndex};
use crate::vocabulary::{StreamKind, Timestamp};

impl Decider for Session {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    const KIND: StreamKind = StreamKind::Session;
    const FOLD_VERSION: i16 = 1;

    fn initial() -> Self {
        Self::Unstarted
    }

    fn decide(&self, command: Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        decide::decide(self, &command, now)
    }

    fn evolve(self, event: &Event) -> Result<Self, ImpossibleHistory> {
        state::evolve(self, event)
    }

    fn index(&self) -> StreamIndex {
        state::index(self)
    }
}
