//! One newtype per id: two swapped UUIDs compile, two swapped ids do not. Nothing here draws an id.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Every tenant belongs to one of so many partitions of the log, for life.
pub const PARTITIONS: u16 = 64;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )+};
}

macro_rules! names_a_stream {
    ($($name:ident),+ $(,)?) => {$(
        impl From<$name> for StreamId {
            fn from(id: $name) -> Self {
                Self::new(id.uuid())
            }
        }
    )+};
}

ids! {
    /// An organization, as the owner of everything below it. It is also the id of the organization's own stream.
    TenantId,
    /// One aggregate's events.
    StreamId,
    UserId,
    SessionId,
    ApiKeyId,
    DeviceId,
    FindingId,
    ScanId,
    /// A single-use link to accept an invitation.
    InvitationId,
    /// The row that holds what a person proves themselves by. Never the secret.
    CredentialId,
}

pub type OrganizationId = TenantId;

names_a_stream!(TenantId, UserId, SessionId, ApiKeyId, DeviceId, FindingId, ScanId);

impl TenantId {
    /// The deployment itself: the owner of what belongs to no organization.
    pub const DEPLOYMENT: Self = Self(Uuid::from_u128(0x00000000_0000_7000_8000_000000000001));
}

/// The partition a tenant's events lie in. Changing this function would tear the log apart.
pub fn partition_of(tenant: TenantId) -> u8 {
    let digest: [u8; 32] = Sha256::digest(tenant.uuid().as_bytes()).into();
    let first = digest.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    (first % u64::from(PARTITIONS)) as u8
}
