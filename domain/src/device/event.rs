//! What happened to a device. These are facts: added to, never renamed. How they are stored is not said here.

use super::{Identifiers, Registration};
use crate::vocabulary::{DeviceStatus, Timestamp};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    Registered(Registration),
    IdentifiersChanged(Identifiers),
    StatusReported { status: DeviceStatus, seen_at: Timestamp },
    Retired,
}
