//! What this crate promises, through its public door: whatever is written reads back, for ever.

mod arbitrary;
mod codec;
mod round_trips;
mod samples;
mod schemas;
mod words;

use domain::vocabulary::{StreamId, TenantId};
use sealed::{DataKey, KeyId};
use uuid::{Uuid, uuid};

use crate::{SealContext, SubjectKey, SubjectKeys};

const TENANT: TenantId = TenantId::new(uuid!("01900000-0000-7000-8000-0000000000aa"));
const USER: Uuid = uuid!("01900000-0000-7000-8000-0000000000bb");
const EVENT: Uuid = uuid!("01900000-0000-7000-8000-0000000000cc");
const KEY: KeyId = KeyId::new(uuid!("01900000-0000-7000-8000-0000000000dd"));

/// The key the samples are sealed under. It opens nothing else.
fn sample_key() -> DataKey {
    DataKey::from_bytes(&[7; 32]).unwrap()
}

/// Knows the one user, and that user's one key.
fn keys(subject: Uuid) -> Option<SubjectKey> {
    (subject == USER).then(|| SubjectKey { id: KEY, key: sample_key() })
}

fn sealing(keys: &dyn SubjectKeys) -> SealContext<'_> {
    SealContext { tenant: TENANT, stream: StreamId::new(USER), event_id: EVENT, keys }
}
