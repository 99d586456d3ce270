//! The rows of wrapped keys. Two processes that make the same key at once both end up with the first one's.

use sealed::KeyId;
use uuid::Uuid;

use super::KeyringError;
use crate::postgres::{Pool, within};

pub(super) struct Row {
    pub(super) id: KeyId,
    /// Whose it is; `None` is the tenant itself.
    pub(super) subject: Option<Uuid>,
    /// `None` was destroyed.
    pub(super) wrapped: Option<Vec<u8>>,
}

pub(super) async fn tenant_key(pool: &Pool, tenant: Uuid, purpose: &str) -> Result<Option<Row>, KeyringError> {
    let mut tx = within(pool, tenant).await?;
    let row = sqlx::query!(
        "SELECT key_id, wrapped FROM store.tenant_keys WHERE tenant_id = $1 AND purpose = $2",
        tenant,
        purpose,
    )
    .fetch_optional(tx.statements())
    .await?;
    tx.rollback().await?;
    Ok(row.map(|row| Row { id: KeyId::new(row.key_id), subject: None, wrapped: row.wrapped }))
}

pub(super) async fn make_tenant_key(
    pool: &Pool,
    tenant: Uuid,
    purpose: &str,
    id: KeyId,
    wrapped: &[u8],
) -> Result<Row, KeyringError> {
    sqlx::query!(
        "INSERT INTO store.tenant_keys (tenant_id, purpose, key_id, wrapped) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, purpose) DO NOTHING",
        tenant,
        purpose,
        id.uuid(),
        wrapped,
    )
    .execute(pool)
    .await?;
    tenant_key(pool, tenant, purpose).await?.ok_or(KeyringError::Unknown(id))
}

pub(super) async fn subject_key(pool: &Pool, tenant: Uuid, subject: Uuid) -> Result<Option<Row>, KeyringError> {
    let mut tx = within(pool, tenant).await?;
    let row = sqlx::query!(
        "SELECT key_id, wrapped FROM store.subject_keys WHERE tenant_id = $1 AND subject_id = $2",
        tenant,
        subject,
    )
    .fetch_optional(tx.statements())
    .await?;
    tx.rollback().await?;
    Ok(row.map(|row| Row { id: KeyId::new(row.key_id), subject: Some(subject), wrapped: row.wrapped }))
}

pub(super) async fn make_subject_key(
    pool: &Pool,
    tenant: Uuid,
    subject: Uuid,
    id: KeyId,
    wrapped: &[u8],
) -> Result<Row, KeyringError> {
    sqlx::query!(
        "INSERT INTO store.subject_keys (key_id, tenant_id, subject_id, wrapped) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, subject_id) DO NOTHING",
        id.uuid(),
        tenant,
        subject,
        wrapped,
    )
    .execute(pool)
    .await?;
    subject_key(pool, tenant, subject).await?.ok_or(KeyringError::Unknown(id))
}

pub(super) async fn by_name(pool: &Pool, tenant: Uuid, ids: &[Uuid]) -> Result<Vec<Row>, KeyringError> {
    let mut tx = within(pool, tenant).await?;
    let rows = sqlx::query!(
        r#"SELECT key_id AS "key_id!", subject_id AS "subject_id?", wrapped AS "wrapped?"
           FROM store.subject_keys WHERE tenant_id = $1 AND key_id = ANY($2)
           UNION ALL
           SELECT key_id, NULL, wrapped FROM store.tenant_keys WHERE tenant_id = $1 AND key_id = ANY($2)"#,
        tenant,
        ids,
    )
    .fetch_all(tx.statements())
    .await?;
    tx.rollback().await?;
    Ok(rows
        .into_iter()
        .map(|row| Row { id: KeyId::new(row.key_id), subject: row.subject_id, wrapped: row.wrapped })
        .collect())
}
