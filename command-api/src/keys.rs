//! What command-api asks of the key ring: a person's key to seal under, and the keyed hash of a name to find it by.
//! It keeps no key and makes none itself.

use domain::vocabulary::{TenantId, Timestamp, UserId};
use event_schemas::codec::NoKeys;
use event_schemas::{SubjectKey, SubjectKeys};
use platform::keyring::{Keyring, KeyringError, LOOKUP, NamedKey};
use uuid::Uuid;

use crate::clock;
use crate::error::Error;

/// The purpose of the deployment's key that requests are fingerprinted under.
const FINGERPRINTS: &str = "fingerprints";

/// The key of the one person an event is about.
pub struct OwnKey {
    person: Uuid,
    key: NamedKey,
}

impl SubjectKeys for OwnKey {
    fn key_of(&self, subject: Uuid) -> Option<SubjectKey> {
        (subject == self.person).then(|| SubjectKey { id: self.key.id, key: self.key.key.clone() })
    }
}

/// For events without personal fields, which is most of them.
pub const fn none() -> NoKeys {
    NoKeys
}

pub async fn of_person(keys: &Keyring, tenant: TenantId, person: UserId) -> Result<OwnKey, Error> {
    let key = keys.subject_key(tenant.uuid(), person.uuid()).await?;
    Ok(OwnKey { person: person.uuid(), key })
}

/// The tenant's key of the month: for addresses of nobody known. Old months can be destroyed without harm to others.
pub async fn of_month(keys: &Keyring, tenant: TenantId, at: Timestamp) -> Result<NamedKey, Error> {
    let month = clock::to_utc(at).format("%Y-%m").to_string();
    Ok(keys.tenant_key(tenant.uuid(), &month).await?)
}

/// A name under the tenant's lookup key: equal names have equal hashes, and no hash gives a name away.
pub async fn blind_index(keys: &Keyring, tenant: TenantId, name: &str) -> Result<String, Error> {
    let key = keys.tenant_key(tenant.uuid(), LOOKUP).await?;
    Ok(platform::keyring::blind_index(&key.key, name))
}

/// The secret of this deployment that requests are fingerprinted under.
pub async fn fingerprint_secret(keys: &Keyring) -> Result<String, KeyringError> {
    let key = keys.tenant_key(TenantId::DEPLOYMENT.uuid(), FINGERPRINTS).await?;
    Ok(platform::keyring::blind_index(&key.key, FINGERPRINTS))
}

impl From<KeyringError> for Error {
    fn from(error: KeyringError) -> Self {
        Self::Keys(Box::new(error))
    }
}
