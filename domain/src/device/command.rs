//! What somebody wants of a device.

use super::{Identifiers, Registration};
use crate::vocabulary::{DeviceStatus, Timestamp};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Register(Registration),
    ReportStatus {
        status: DeviceStatus,
        seen_at: Timestamp,
    },
    /// The new identifiers replace the old ones.
    ChangeIdentifiers(Identifiers),
    /// The same, but the device stays in the network it is in, whatever network these name.
    ChangeIdentifiersInPlace(Identifiers),
    Retire,
}
