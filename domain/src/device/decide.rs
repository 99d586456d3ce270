//! The rules of a device.

use super::{Command, Device, Event, Identifiers, Live, Seen};
use crate::{
    decider::Reason,
    vocabulary::{DeviceStatus, Timestamp},
};

/// An unchanged status is worth an event again after so long.
pub const STATUS_REFRESH_SECONDS: u64 = 15 * 60;

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such device")]
    NotRegistered,
    #[error("the device is registered already")]
    AlreadyRegistered,
    #[error("the device is retired")]
    Retired,
    #[error("the device cannot have been seen in the future; check the clock it was seen by")]
    SeenInFuture,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotRegistered => "device-not-registered",
            Self::AlreadyRegistered => "device-already-registered",
            Self::Retired => "device-retired",
            Self::SeenInFuture => "seen-in-future",
        }
    }
}

pub(super) fn decide(device: &Device, command: Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    use {Command as C, Device as D, Event as E};
    Ok(match (device, command) {
        (D::Unregistered, C::Register(registration)) => vec![E::Registered(registration)],
        (
            D::Unregistered,
            C::ReportStatus { .. } | C::ChangeIdentifiers(_) | C::ChangeIdentifiersInPlace(_) | C::Retire,
        ) => return Err(Refusal::NotRegistered),

        (D::Live(_), C::Register(_)) => return Err(Refusal::AlreadyRegistered),
        (D::Live(_), C::ReportStatus { seen_at, .. }) if seen_at.is_in_the_future_at(now) => {
            return Err(Refusal::SeenInFuture);
        }
        (D::Live(live), C::ReportStatus { status, seen_at }) => report_status(live, status, seen_at),
        (D::Live(live), C::ChangeIdentifiers(to)) => change_identifiers(live, to),
        (D::Live(live), C::ChangeIdentifiersInPlace(to)) => {
            change_identifiers(live, to.within(live.identifiers.network().clone()))
        }
        (D::Live(_), C::Retire) => vec![E::Retired],

        (D::Retired, C::Retire) => vec![],
        (
            D::Retired,
            C::Register(_) | C::ReportStatus { .. } | C::ChangeIdentifiers(_) | C::ChangeIdentifiersInPlace(_),
        ) => return Err(Refusal::Retired),
    })
}

fn change_identifiers(live: &Live, to: Identifiers) -> Vec<Event> {
    if to == live.identifiers { vec![] } else { vec![Event::IdentifiersChanged(to)] }
}

/// News is a change, or the same again after a while. An older report than the one we know is no news.
fn report_status(live: &Live, status: DeviceStatus, seen_at: Timestamp) -> Vec<Event> {
    let news = match live.seen {
        None => true,
        Some(Seen { at, .. }) if seen_at < at => false,
        Some(seen) => status != seen.status || seen_at.since(seen.at).as_secs() >= STATUS_REFRESH_SECONDS,
    };
    if news { vec![Event::StatusReported { status, seen_at }] } else { vec![] }
}
