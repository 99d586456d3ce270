//! A customer of the deployment: its name in addresses, its plan, and how many devices that plan holds.
//!
//! Only operators found and steer organizations. It never counts devices itself: it sets the ceiling that the store
//! judges every registration against, under any race. A lowered ceiling retires nothing; it only admits no more.

mod command;
mod decide;
mod event;
mod plan;
mod state;
#[cfg(test)]
mod tests;

pub use command::Command;
pub use decide::Refusal;
pub use event::Event;
pub use plan::{DEVICE_LIMIT_MAX_DEVICES, Plan};
pub use state::{Organization, Terms};

use crate::decider::{Decider, ImpossibleHistory, Reservation, StreamIndex};
use crate::vocabulary::{Slug, StreamKind, Timestamp};

/// The tally that an organization's ceiling is set for.
pub const DEVICES_TALLY: &str = "devices";

/// The key under which a slug is unique; also how an organization is found by it.
pub fn slug_key(slug: &Slug) -> Reservation {
    Reservation::deployment(format!("slug:{slug}"))
}

impl Decider for Organization {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    const KIND: StreamKind = StreamKind::Organization;
    const FOLD_VERSION: i16 = 1;

    fn initial() -> Self {
        Self::Unfounded
    }

    fn decide(&self, command: Command, _now: Timestamp) -> Result<Vec<Event>, Refusal> {
        decide::decide(self, command)
    }

    fn evolve(self, event: &Event) -> Result<Self, ImpossibleHistory> {
        state::evolve(self, event)
    }

    fn index(&self) -> StreamIndex {
        StreamIndex { open: matches!(self, Self::Active(_)), ..StreamIndex::default() }
    }

    /// A suspended organization keeps its slug: nobody may take its place in addresses.
    fn holds(&self) -> Vec<Reservation> {
        self.terms().map(|terms| slug_key(&terms.slug)).into_iter().collect()
    }

    fn ceilings(&self) -> Vec<(&'static str, i64)> {
        let limit = self.terms().map(|terms| (DEVICES_TALLY, i64::from(terms.device_limit)));
        limit.into_iter().collect()
    }
}
