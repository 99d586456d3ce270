//! The keys that personal data is sealed under: a root key from a file, tenants' keys under it, people's keys under those.
//!
//! Unwrapped keys live in memory for at most five minutes. A destroyed key is a value (`Opened::Erased`), never an
//! error; a key that cannot be asked for is an error, never an erasure.

mod store;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use moka::future::Cache;
use sealed::{DataKey, Holder, KeyId};
pub use sealed::{Field, Opened, Place, blind_index, seal};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::env::Secret;
use crate::postgres::Pool;

/// How long a destroyed key may still open something in this process.
pub const KEY_CACHE_MAX_SECONDS: u64 = 300;
const KEY_CACHE_ENTRIES: u64 = 50_000;
/// The purpose of the tenant key that wraps the keys of people.
pub const SUBJECTS: &str = "subjects";
/// The purpose of the tenant key that login names and e-mail addresses are looked up under.
pub const LOOKUP: &str = "lookup";

/// A key and the name that is written beside what it seals.
#[derive(Debug, Clone)]
pub struct NamedKey {
    pub id: KeyId,
    pub key: DataKey,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyringError {
    #[error("keys cannot be asked for")]
    Unavailable(#[source] Arc<sqlx::Error>),
    #[error("key {0} was destroyed; nothing can be sealed under it any more")]
    Destroyed(KeyId),
    #[error("key {0} does not exist in this tenant")]
    Unknown(KeyId),
    #[error("key {0} does not unwrap: another root key, or a row that was moved")]
    CannotUnwrap(KeyId),
    #[error("a field does not open where it stands")]
    Tampered,
    #[error("the machine gives no randomness")]
    NoRandomness,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a root key is 32 bytes in base64")]
pub struct NotARootKey;

/// Reads the root key: `openssl rand -base64 32`.
pub fn root_key(secret: &Secret) -> Result<DataKey, NotARootKey> {
    let bytes = Zeroizing::new(STANDARD.decode(secret.expose()).map_err(|_| NotARootKey)?);
    DataKey::from_bytes(&bytes).map_err(|_| NotARootKey)
}

/// Finds and makes keys. Cheap to clone; the clones share what they know.
#[derive(Clone)]
pub struct Keyring {
    pool: Pool,
    root: DataKey,
    tenant_keys: Cache<(Uuid, String), NamedKey>,
    subject_keys: Cache<(Uuid, Uuid), NamedKey>,
    /// What opens fields, by name; `None` is a destroyed key.
    opening: Cache<(Uuid, KeyId), Option<DataKey>>,
}

impl Keyring {
    /// `pool` belongs to `writer`, who may make keys, or to `reader`, who may only find them.
    pub fn new(pool: impl Into<Pool>, root: DataKey) -> Self {
        Self { pool: pool.into(), root, tenant_keys: cache(), subject_keys: cache(), opening: cache() }
    }

    /// A tenant's key for a purpose ([`SUBJECTS`], [`LOOKUP`], a month like `2026-11`), made when it is first asked for.
    pub async fn tenant_key(&self, tenant: Uuid, purpose: &str) -> Result<NamedKey, KeyringError> {
        self.tenant_keys
            .try_get_with((tenant, purpose.to_owned()), async {
                let row = match store::tenant_key(&self.pool, tenant, purpose).await? {
                    Some(row) => row,
                    None => {
                        let (id, wrapped) = self.fresh(&self.root, Holder::Tenant { tenant })?;
                        store::make_tenant_key(&self.pool, tenant, purpose, id, &wrapped).await?
                    }
                };
                unwrap(&self.root, Holder::Tenant { tenant }, row)
            })
            .await
            .map_err(|error: Arc<KeyringError>| (*error).clone())
    }

    /// The key of a person, made when it is first asked for. A destroyed one is not made again.
    pub async fn subject_key(&self, tenant: Uuid, subject: Uuid) -> Result<NamedKey, KeyringError> {
        self.subject_keys
            .try_get_with((tenant, subject), async {
                let parent = self.tenant_key(tenant, SUBJECTS).await?;
                let holder = Holder::Subject { tenant, subject };
                let row = match store::subject_key(&self.pool, tenant, subject).await? {
                    Some(row) => row,
                    None => {
                        let (id, wrapped) = self.fresh(&parent.key, holder)?;
                        store::make_subject_key(&self.pool, tenant, subject, id, &wrapped).await?
                    }
                };
                unwrap(&parent.key, holder, row)
            })
            .await
            .map_err(|error: Arc<KeyringError>| (*error).clone())
    }

    /// Opens one field. For many, [`Keyring::load`] their keys first: it asks once for all of them.
    pub async fn open(&self, field: &Field, place: Place<'_>) -> Result<Opened, KeyringError> {
        let id = field.key_id();
        let key = match self.opening.get(&(place.tenant, id)).await {
            Some(key) => key,
            None => {
                let mut found = self.load(place.tenant, &[id]).await?;
                found.remove(&id).ok_or(KeyringError::Unknown(id))?
            }
        };
        sealed::open(field, place, key.as_ref()).map_err(|_| KeyringError::Tampered)
    }

    /// Finds keys by name, of people and of the tenant alike, in one question for those not known yet.
    pub async fn load(&self, tenant: Uuid, ids: &[KeyId]) -> Result<HashMap<KeyId, Option<DataKey>>, KeyringError> {
        let mut found = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        for id in ids {
            match self.opening.get(&(tenant, *id)).await {
                Some(key) => drop(found.insert(*id, key)),
                None => missing.push(id.uuid()),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        for row in store::by_name(&self.pool, tenant, &missing).await? {
            let id = row.id;
            let key = match self.unwrapped(tenant, row).await {
                Ok(key) => Some(key),
                Err(KeyringError::Destroyed(_)) => None,
                Err(error) => return Err(error),
            };
            self.opening.insert((tenant, id), key.clone()).await;
            found.insert(id, key);
        }
        Ok(found)
    }

    /// Drops what is known of a key that was destroyed, without waiting for the cache.
    pub async fn forget(&self, tenant: Uuid, subject: Uuid, id: KeyId) {
        self.subject_keys.invalidate(&(tenant, subject)).await;
        self.opening.invalidate(&(tenant, id)).await;
    }

    async fn unwrapped(&self, tenant: Uuid, row: store::Row) -> Result<DataKey, KeyringError> {
        if row.wrapped.is_none() {
            return Err(KeyringError::Destroyed(row.id));
        }
        let named = match row.subject {
            None => unwrap(&self.root, Holder::Tenant { tenant }, row)?,
            Some(subject) => {
                let parent = self.tenant_key(tenant, SUBJECTS).await?;
                unwrap(&parent.key, Holder::Subject { tenant, subject }, row)?
            }
        };
        Ok(named.key)
    }

    fn fresh(&self, parent: &DataKey, holder: Holder) -> Result<(KeyId, Vec<u8>), KeyringError> {
        let id = KeyId::new(Uuid::now_v7());
        let key = DataKey::generate().map_err(|_| KeyringError::NoRandomness)?;
        let wrapped = sealed::wrap(parent, holder, id, &key).map_err(|_| KeyringError::NoRandomness)?;
        Ok((id, wrapped))
    }
}

impl From<sqlx::Error> for KeyringError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(Arc::new(error))
    }
}

fn unwrap(parent: &DataKey, holder: Holder, row: store::Row) -> Result<NamedKey, KeyringError> {
    let wrapped = row.wrapped.ok_or(KeyringError::Destroyed(row.id))?;
    let key = sealed::unwrap(parent, holder, row.id, &wrapped).map_err(|_| KeyringError::CannotUnwrap(row.id))?;
    Ok(NamedKey { id: row.id, key })
}

fn cache<K, V>() -> Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(KEY_CACHE_ENTRIES).time_to_live(Duration::from_secs(KEY_CACHE_MAX_SECONDS)).build()
}
