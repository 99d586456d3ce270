//! One thing in a network that can be found again: how it is known, whether it answers, and when it left.
//!
//! An address belongs to one device per organization and network; the store judges that by [`Decider::holds`], and the
//! plan's device limit by [`Decider::counts`]. Nothing here looks at other devices or at findings.

mod command;
mod decide;
mod event;
mod identifiers;
mod state;

#[cfg(test)]
mod tests;

pub use command::Command;
pub use decide::{Refusal, STATUS_REFRESH_SECONDS};
pub use event::Event;
pub use identifiers::{Identifiers, Profile, Registration};
pub use state::{Device, Live, Seen};

use crate::{
    decider::{Decider, ImpossibleHistory, Reservation, StreamIndex},
    vocabulary::{StreamKind, Timestamp},
};

/// The tally of devices that count against the plan.
pub const DEVICES_TALLY: &str = "devices";

impl Decider for Device {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    const KIND: StreamKind = StreamKind::Device;
    const FOLD_VERSION: i16 = 1;

    fn initial() -> Self {
        Self::Unregistered
    }

    fn decide(&self, command: Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        decide::decide(self, command, now)
    }

    fn evolve(self, event: &Event) -> Result<Self, ImpossibleHistory> {
        state::evolve(self, event)
    }

    fn index(&self) -> StreamIndex {
        StreamIndex { open: self.live().is_some(), ..StreamIndex::default() }
    }

    fn holds(&self) -> Vec<Reservation> {
        self.live().map_or_else(Vec::new, |live| live.identifiers.reservations())
    }

    fn counts(&self) -> Vec<(&'static str, i64)> {
        self.live().map_or_else(Vec::new, |_| vec![(DEVICES_TALLY, 1)])
    }
}
