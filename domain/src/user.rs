//! A person of an organization: invited, then working under a role until somebody shuts them out.
//!
//! The name, login and e-mail address are personal. They pass through into the events, where they are sealed, and are
//! never part of the state. Neither is a password or its hash: `credential` only names the row that holds it.
//!
//! That an organization keeps at least one active administrator cannot be known here, because it is a rule over many
//! users. What is known here is its nearest cause: nobody disables themselves or changes their own role.

mod command;
mod decide;
mod event;
mod state;
#[cfg(test)]
mod tests;

pub use command::{By, Command, Invite};
pub use decide::{INVITATION_MAX_DAYS, Refusal};
pub use event::Event;
pub use state::{Entry, Invitation, User};

use crate::decider::{Decider, ImpossibleHistory, StreamIndex};
use crate::vocabulary::{StreamKind, Timestamp};

impl Decider for User {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    const KIND: StreamKind = StreamKind::User;
    const FOLD_VERSION: i16 = 1;

    fn initial() -> Self {
        Self::Uninvited
    }

    fn decide(&self, command: Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        decide::decide(self, command, now)
    }

    fn evolve(self, event: &Event) -> Result<Self, ImpossibleHistory> {
        state::evolve(self, event)
    }

    /// The login name is reserved by the handler, because its key is a keyed hash and no key is known here.
    fn index(&self) -> StreamIndex {
        StreamIndex {
            lane: self.role().map(|role| role.as_str().to_owned()),
            open: matches!(self, Self::Active { .. }),
            ..StreamIndex::default()
        }
    }
}
