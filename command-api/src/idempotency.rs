//! `Idempotency-Key`: the same key with the same request has the first answer again, with another request it is
//! refused. It only names requests; the store keeps the answers, and the appender lets duplicates wait for each other.

use domain::vocabulary::TenantId;
use hmac::{Hmac, KeyInit, Mac};
use platform::position::Position;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::appender::{AppendError, CommandKey};
use crate::caller::IfMatch;
use crate::error::Error;
use crate::event_store::EventStore;

pub const KEY_MAX_CHARS: usize = 255;

/// Names requests under a secret of this deployment: a fingerprint of a short body must not be guessable from a dump.
#[derive(Clone)]
pub struct Fingerprints {
    secret: Zeroizing<String>,
}

/// One keyed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    key: [u8; 32],
    fingerprint: [u8; 32],
}

/// What of a first answer is kept: never a secret, never personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    #[serde(rename = "i")]
    pub id: Uuid,
    #[serde(rename = "v")]
    pub version: i64,
    /// Whether it was a creation.
    #[serde(rename = "c")]
    pub created: bool,
    /// Whether nothing followed, since it was so already.
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    pub unchanged: bool,
    /// What else the route answers, in its own form.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<serde_json::Value>,
}

impl Fingerprints {
    #[must_use]
    pub fn new(secret: String) -> Self {
        Self { secret: Zeroizing::new(secret) }
    }

    /// The scope of a key is tenant, principal, method and path; the fingerprint covers `If-Match` and the body.
    #[must_use]
    pub fn of(
        &self,
        tenant: TenantId,
        actor: &str,
        (method, path): (&str, &str),
        expectations: (&str, Option<IfMatch>),
        body: &[u8],
    ) -> Idempotency {
        let (key, if_match) = expectations;
        let mut scope = Sha256::new();
        for part in
            [tenant.uuid().as_bytes().as_slice(), actor.as_bytes(), method.as_bytes(), path.as_bytes(), key.as_bytes()]
        {
            scope.update((part.len() as u64).to_be_bytes());
            scope.update(part);
        }
        Idempotency { key: scope.finalize().into(), fingerprint: self.fingerprint(if_match, body) }
    }

    fn fingerprint(&self, if_match: Option<IfMatch>, body: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("HMAC takes a key of any length");
        // Of fixed length, so that no body can pass for a version and another body.
        let (given, version) = match if_match {
            None => (0, 0),
            Some(IfMatch::Any) => (1, 0),
            Some(IfMatch::Version(version)) => (2, version),
        };
        mac.update(&[given]);
        mac.update(&version.to_be_bytes());
        mac.update(body);
        mac.finalize().into_bytes().into()
    }
}

impl Idempotency {
    /// The first answer, if this request was answered before.
    pub async fn ask(&self, store: &EventStore) -> Result<Option<(Kept, Position)>, Error> {
        let Some(first) = store.first_answer(&self.key).await? else { return Ok(None) };
        if first.fingerprint != self.fingerprint {
            return Err(AppendError::KeyReused.into());
        }
        Ok(Some((read(&first.answer)?, first.position)))
    }

    /// Whether the key was used before, whatever for.
    pub async fn is_known(&self, store: &EventStore) -> Result<bool, Error> {
        Ok(store.first_answer(&self.key).await?.is_some())
    }

    /// What the append keeps beside the events.
    pub fn keep(&self, kept: &Kept) -> CommandKey {
        let answer = serde_json::to_vec(kept).expect("ids and numbers always fit JSON");
        CommandKey { key: self.key, fingerprint: self.fingerprint, answer }
    }
}

/// Empties the older generation of first answers once the younger one is old enough. Answers whether it did.
pub async fn rotate(store: &EventStore, kept_hours: i32) -> Result<bool, Error> {
    let rotated = sqlx::query_scalar!(
        r#"SELECT store.rotate_command_keys(make_interval(hours => $1)) AS "rotated!""#,
        kept_hours
    )
    .fetch_one(store.pool())
    .await?;
    Ok(rotated)
}

pub fn read(answer: &[u8]) -> Result<Kept, Error> {
    serde_json::from_slice(answer).map_err(|error| Error::Damaged(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(tenant: u128, actor: &str, path: &str, key: &str, body: &str) -> Idempotency {
        let names = Fingerprints::new("secret".to_owned());
        names.of(TenantId::new(Uuid::from_u128(tenant)), actor, ("POST", path), (key, None), body.as_bytes())
    }

    #[test]
    fn tenant_principal_route_and_key_each_make_another_key() {
        let one = keyed(1, "user:a", "/v1/devices", "k", "{}");
        for other in [
            keyed(2, "user:a", "/v1/devices", "k", "{}"),
            keyed(1, "user:b", "/v1/devices", "k", "{}"),
            keyed(1, "user:a", "/v1/findings", "k", "{}"),
            keyed(1, "user:a", "/v1/devices", "l", "{}"),
            keyed(1, "user:a/v1", "/devices", "k", "{}"),
        ] {
            assert_ne!(one.key, other.key);
        }
    }

    #[test]
    fn another_body_under_the_same_key_is_another_request() {
        let (one, other) = (keyed(1, "a", "/", "k", "{}"), keyed(1, "a", "/", "k", "{ }"));
        assert_eq!(one.key, other.key);
        assert_ne!(one.fingerprint, other.fingerprint);
    }

    #[test]
    fn another_if_match_under_the_same_key_is_another_request() {
        let names = Fingerprints::new("secret".to_owned());
        let of = |if_match| names.of(TenantId::new(Uuid::from_u128(1)), "a", ("PUT", "/"), ("k", if_match), b"{}");
        let all = [None, Some(IfMatch::Any), Some(IfMatch::Version(0)), Some(IfMatch::Version(1))].map(of);
        assert!(all.iter().all(|one| one.key == all[0].key));
        let fingerprints: std::collections::HashSet<_> = all.iter().map(|one| one.fingerprint).collect();
        assert_eq!(fingerprints.len(), all.len());
    }

    #[test]
    fn what_is_kept_reads_back() {
        let kept = Kept { id: Uuid::from_u128(9), version: 3, created: true, unchanged: false, extra: None };
        assert_eq!(read(&serde_json::to_vec(&kept).unwrap()).unwrap(), kept);
    }
}
