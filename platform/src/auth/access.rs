//! What the store is asked about a session or a key: does it still hold, and what is its holder today?
//!
//! Works for a role under row-level security and for one whose policy sees all: the tenant is always set, and always
//! compared. It reads the write side, never a projection, so that a revocation bites before any read model knows.

use uuid::Uuid;

use super::Role;
use super::token::Holder;
use crate::postgres::{Pool, within};

/// A key as the store knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KnownKey {
    pub(super) tenant: Uuid,
    pub(super) key: Uuid,
    pub(super) secret_sha256: [u8; 32],
}

/// The role of the session's user, if session, user and organization are all open.
pub(super) async fn role_in_session(pool: &Pool, holder: Holder) -> Result<Option<Role>, sqlx::Error> {
    let mut tx = within(pool, holder.tenant).await?;
    let lane = sqlx::query_scalar!(
        r#"SELECT u.lane
           FROM store.streams s
           JOIN store.streams u ON u.stream_id = s.parent_id
           JOIN store.streams o ON o.stream_id = s.tenant_id
           WHERE s.stream_id = $1 AND s.tenant_id = $2 AND s.parent_id = $3
             AND s.kind = 'session' AND s.open AND (s.due_at IS NULL OR s.due_at > now())
             AND u.kind = 'user' AND u.open AND u.tenant_id = $2
             AND o.kind = 'organization' AND o.open AND o.tenant_id = $2"#,
        holder.session,
        holder.tenant,
        holder.user,
    )
    .fetch_optional(tx.statements())
    .await?;
    tx.rollback().await?;
    Ok(lane.flatten().and_then(|lane| lane.parse().ok()))
}

/// The key with this public id, if key and organization are open.
pub(super) async fn open_key(pool: &Pool, public_id: &str) -> Result<Option<KnownKey>, sqlx::Error> {
    let found = sqlx::query!(
        r#"SELECT tenant_id AS "tenant!", api_key_id AS "key!", secret_sha256 AS "secret_sha256!"
           FROM store.find_api_key($1)"#,
        public_id,
    )
    .fetch_optional(pool)
    .await?;
    let Some(found) = found else { return Ok(None) };
    let mut tx = within(pool, found.tenant).await?;
    let holds = sqlx::query_scalar!(
        r#"SELECT true AS "holds!"
           FROM store.streams k
           JOIN store.streams o ON o.stream_id = k.tenant_id
           WHERE k.stream_id = $1 AND k.tenant_id = $2
             AND k.kind = 'api-key' AND k.open AND (k.due_at IS NULL OR k.due_at > now())
             AND o.kind = 'organization' AND o.open AND o.tenant_id = $2"#,
        found.key,
        found.tenant,
    )
    .fetch_optional(tx.statements())
    .await?
    .is_some();
    tx.rollback().await?;
    let Ok(secret_sha256) = found.secret_sha256.try_into() else { return Ok(None) };
    Ok(holds.then_some(KnownKey { tenant: found.tenant, key: found.key, secret_sha256 }))
}
