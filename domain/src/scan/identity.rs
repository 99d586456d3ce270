//! The same bytes in the same lane are the same scan, however often they are sent.

use uuid::{Uuid, uuid};

use crate::vocabulary::{Label, ScanId, Sha256, TenantId};

/// Of scan ids. Changing it would record every scan anew.
pub const NAMESPACE: Uuid = uuid!("e4956685-c301-4183-8dee-6cb32c68e3ee");

impl ScanId {
    /// UUIDv5 over the tenant's sixteen bytes, the digest's thirty-two, and the lane, which comes last because its length
    /// varies.
    pub fn natural(tenant: TenantId, lane: &Label, sha256: &Sha256) -> Self {
        let mut name = Vec::with_capacity(128);
        name.extend_from_slice(tenant.uuid().as_bytes());
        name.extend_from_slice(sha256.bytes());
        name.extend_from_slice(lane.as_str().as_bytes());
        Self::new(Uuid::new_v5(&NAMESPACE, &name))
    }
}
