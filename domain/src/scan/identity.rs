//! The same bytes in the same lane are the same scan, however often they are sent.
//!
//! A scanner key sees the scans it sent and no others, so what it sends is a scan of its own: the same report sent by
//! two keys is two scans. What people send all of them see, so among them the sender does not count. Devices and
//! findings of the report know no sender; they are the same ones however many scans saw them.

use uuid::{Uuid, uuid};

use crate::vocabulary::{ApiKeyId, Label, ScanId, Sha256, TenantId};

/// Of scans that people sent. Changing it would record every scan anew.
pub const NAMESPACE: Uuid = uuid!("e4956685-c301-4183-8dee-6cb32c68e3ee");
/// Of scans that scanner keys sent: a namespace of its own, so that no lane can be mistaken for a key.
pub const NAMESPACE_OF_KEYS: Uuid = uuid!("5b0d3f9c-7a61-4f0e-9d1b-2c64a8e0f517");

impl ScanId {
    /// UUIDv5 over the tenant's sixteen bytes, the digest's thirty-two, and the lane, which comes last because its length
    /// varies.
    pub fn natural(tenant: TenantId, lane: &Label, sha256: &Sha256) -> Self {
        Self::named(&NAMESPACE, &[tenant.uuid().as_bytes(), sha256.bytes(), lane.as_str().as_bytes()])
    }

    /// The same of what a scanner key sent: the key's sixteen bytes come after the tenant's.
    pub fn natural_of_key(tenant: TenantId, key: ApiKeyId, lane: &Label, sha256: &Sha256) -> Self {
        let (tenant, key) = (tenant.uuid(), key.uuid());
        let parts: [&[u8]; 4] = [tenant.as_bytes(), key.as_bytes(), sha256.bytes(), lane.as_str().as_bytes()];
        Self::named(&NAMESPACE_OF_KEYS, &parts)
    }

    fn named(namespace: &Uuid, parts: &[&[u8]]) -> Self {
        Self::new(Uuid::new_v5(namespace, &parts.concat()))
    }
}
