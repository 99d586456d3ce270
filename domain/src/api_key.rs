//! The key a scanner signs its requests with. A scanner is a key, not a user.
//!
//! It never holds the secret or its hash, only the public part by which the key is found and talked about. It does not
//! count how often the key is used: that would be an event a request.

mod command;
mod decide;
mod event;
mod public_id;
mod state;
#[cfg(test)]
mod tests;

pub use command::Command;
pub use decide::{API_KEY_MAX_DAYS, Refusal};
pub use event::Event;
pub use public_id::{PUBLIC_ID_BYTES, PublicId};
pub use state::ApiKey;

use crate::decider::{Decider, ImpossibleHistory, StreamIndex};
use crate::vocabulary::{StreamKind, Timestamp};

/// The one purpose keys have today, and their lane in the store.
pub const SCANNER_LANE: &str = "scanner";

impl Decider for ApiKey {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    const KIND: StreamKind = StreamKind::ApiKey;
    const FOLD_VERSION: i16 = 1;

    fn initial() -> Self {
        Self::Unissued
    }

    fn decide(&self, command: Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        decide::decide(self, command, now)
    }

    fn evolve(self, event: &Event) -> Result<Self, ImpossibleHistory> {
        state::evolve(self, event)
    }

    fn index(&self) -> StreamIndex {
        state::index(self)
    }
}
