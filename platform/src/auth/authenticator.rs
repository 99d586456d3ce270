//! From a bearer token to a caller, with what the store said kept for less than a second.
//!
//! Many requests of one session ask the store once. A failure to ask is never kept and never lets anybody in. A token's
//! signature is proven once, for as long as the token holds; whether its session holds is asked all the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::get_current_timestamp;
use moka::Expiry;
use moka::future::Cache;
use sha2::{Digest, Sha256};

use super::access::{self, KnownKey};
use super::api_key::{self, ApiKey};
use super::token::{Claims, Holder, LEEWAY_SECONDS, Verifier};
use super::{AuthError, OperatorToken, Principal, Role};
use crate::postgres::Pool;

/// A log out, a disabled user or a revoked key bites within a second; this leaves room for the question itself.
pub const ACCESS_CACHE_MS: u64 = 900;
const ACCESS_CACHE_ENTRIES: u64 = 100_000;
/// Some hundred bytes each.
const PROVEN_TOKENS_MAX: u64 = 100_000;

/// Recognizes callers. Cheap to clone; the clones share what they know.
#[derive(Clone)]
pub struct Authenticator {
    pool: Pool,
    verifier: Verifier,
    operator: Option<OperatorToken>,
    /// By the SHA-256 of the token, which is a secret.
    proven: Cache<[u8; 32], Proven>,
    sessions: Cache<(uuid::Uuid, uuid::Uuid, uuid::Uuid), Known<Role>>,
    keys: Cache<String, Known<KnownKey>>,
}

/// What the store answered, and when it was asked: the age counts from the question, not from the answer.
#[derive(Clone, Copy)]
struct Known<T> {
    answer: Option<T>,
    asked: Instant,
}

/// A token whose signature and claims were found good.
#[derive(Clone, Copy)]
struct Proven {
    holder: Holder,
    expires_seconds: u64,
}

struct SinceAsked;

struct UntilExpired;

impl<K, T> Expiry<K, Known<T>> for SinceAsked {
    fn expire_after_create(&self, _: &K, known: &Known<T>, _: Instant) -> Option<Duration> {
        Some(Duration::from_millis(ACCESS_CACHE_MS).saturating_sub(known.asked.elapsed()))
    }
}

impl Expiry<[u8; 32], Proven> for UntilExpired {
    fn expire_after_create(&self, _: &[u8; 32], proven: &Proven, _: Instant) -> Option<Duration> {
        Some(Duration::from_secs(proven.seconds_left()))
    }
}

impl Authenticator {
    /// `pool` belongs to `reader` or `writer`. Without an operator token nobody is the operator.
    pub fn new(pool: impl Into<Pool>, verifier: Verifier, operator: Option<OperatorToken>) -> Self {
        Self {
            pool: pool.into(),
            verifier,
            operator,
            proven: Cache::builder().max_capacity(PROVEN_TOKENS_MAX).expire_after(UntilExpired).build(),
            sessions: Cache::builder().max_capacity(ACCESS_CACHE_ENTRIES).expire_after(SinceAsked).build(),
            keys: Cache::builder().max_capacity(ACCESS_CACHE_ENTRIES).expire_after(SinceAsked).build(),
        }
    }

    pub async fn authenticate(&self, bearer: &str) -> Result<Principal, AuthError> {
        if bearer.starts_with(api_key::PREFIX) {
            return self.scanner(bearer).await;
        }
        if self.operator.as_ref().is_some_and(|operator| operator.matches(bearer)) {
            return Ok(Principal::Operator);
        }
        self.user(bearer).await
    }

    async fn user(&self, token: &str) -> Result<Principal, AuthError> {
        let holder = self.holder(token).await?;
        let known = self
            .sessions
            .try_get_with((holder.tenant, holder.user, holder.session), async {
                let asked = Instant::now();
                let answer = access::role_in_session(&self.pool, holder).await?;
                Ok(Known { answer, asked })
            })
            .await
            .map_err(|error: Arc<sqlx::Error>| AuthError::Unavailable(error))?;
        let Holder { tenant, user, session } = holder;
        let role = known.answer.ok_or(AuthError::Ended)?;
        Ok(Principal::User { tenant, user, session, role })
    }

    /// Whom the token is for. The clock is asked each time: what is kept may outlive its end by a moment.
    async fn holder(&self, token: &str) -> Result<Holder, AuthError> {
        let key: [u8; 32] = Sha256::digest(token).into();
        if let Some(proven) = self.proven.get(&key).await.filter(|proven| proven.seconds_left() > 0) {
            return Ok(proven.holder);
        }
        let proven = Proven::from(&self.verifier.verify(token).map_err(|_| AuthError::Invalid)?);
        self.proven.insert(key, proven).await;
        Ok(proven.holder)
    }

    async fn scanner(&self, presented: &str) -> Result<Principal, AuthError> {
        let presented = ApiKey::parse(presented).map_err(|_| AuthError::Invalid)?;
        let known = self
            .keys
            .try_get_with_by_ref(presented.public_id(), async {
                let asked = Instant::now();
                let answer = access::open_key(&self.pool, presented.public_id()).await?;
                Ok(Known { answer, asked })
            })
            .await
            .map_err(|error: Arc<sqlx::Error>| AuthError::Unavailable(error))?;
        let known = known.answer.ok_or(AuthError::Ended)?;
        if !presented.matches(&known.secret_sha256) {
            return Err(AuthError::Invalid);
        }
        Ok(Principal::Scanner { tenant: known.tenant, key: known.key })
    }
}

impl Proven {
    /// By the verifier's own rule, leeway included.
    fn seconds_left(&self) -> u64 {
        (self.expires_seconds + LEEWAY_SECONDS).saturating_sub(get_current_timestamp())
    }
}

impl From<&Claims> for Proven {
    fn from(claims: &Claims) -> Self {
        let holder = Holder { tenant: claims.tid, user: claims.sub, session: claims.sid };
        Self { holder, expires_seconds: claims.exp }
    }
}
