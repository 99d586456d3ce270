//! What is true of a device now. No rules, only facts.

use serde::{Deserialize, Serialize};

use super::{Event, Identifiers};
use crate::{
    decider::ImpossibleHistory,
    vocabulary::{DeviceStatus, Timestamp},
};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Device {
    Unregistered,
    Live(Live),
    /// Nothing comes after that; its addresses are free again.
    Retired,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Live {
    pub identifiers: Identifiers,
    /// Nothing until it was first reported.
    pub seen: Option<Seen>,
}

/// The last status report that was worth an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Seen {
    pub status: DeviceStatus,
    pub at: Timestamp,
}

impl Device {
    /// Registered and not retired.
    pub fn live(&self) -> Option<&Live> {
        match self {
            Self::Live(live) => Some(live),
            Self::Unregistered | Self::Retired => None,
        }
    }
}

pub(super) fn evolve(device: Device, event: &Event) -> Result<Device, ImpossibleHistory> {
    use {Device as D, Event as E};
    Ok(match (device, event) {
        (D::Unregistered, E::Registered(registration)) => {
            D::Live(Live { identifiers: registration.identifiers.clone(), seen: None })
        }
        (D::Live(live), E::IdentifiersChanged(identifiers)) => {
            D::Live(Live { identifiers: identifiers.clone(), ..live })
        }
        (D::Live(live), E::StatusReported { status, seen_at }) => {
            D::Live(Live { seen: Some(Seen { status: *status, at: *seen_at }), ..live })
        }
        (D::Live(_), E::Retired) => D::Retired,
        (device, E::Registered(_) | E::IdentifiersChanged(_) | E::StatusReported { .. } | E::Retired) => {
            return Err(ImpossibleHistory::of(&device, event));
        }
    })
}
