//! Scanner keys, latest first. Their secrets are nowhere near: a read model never had them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use super::exact_total;
use crate::{
    error::Failure,
    page::{Ask, Page, Pager},
    tenant_tx::TenantTx,
    versions::Moment,
    vocabulary::KeyStatus,
};

/// A key some scanner of the organization calls with.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKey {
    pub id: Uuid,
    /// The stream's version, for `If-Match`.
    pub version: i64,
    pub name: String,
    /// The part of the key that may be seen: `snk_<public id>_…`.
    pub public_id: String,
    pub status: KeyStatus,
    pub issued_at: DateTime<Utc>,
    /// Who issued it: `user:<id>`.
    pub issued_by: String,
    #[schema(required = true)]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked or expired.
    #[schema(required = true)]
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(Debug, FromRow)]
struct Row {
    api_key_id: Uuid,
    version: i64,
    name: String,
    public_id: String,
    status: KeyStatus,
    issued_at: DateTime<Utc>,
    issued_by: String,
    expires_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
}

/// Where a page of keys ends.
pub type Key = (DateTime<Utc>, Uuid);

pub async fn page(
    tx: &mut TenantTx,
    moment: &Moment<'_>,
    pager: &Pager<'_>,
    ask: &Ask<Key>,
) -> Result<Page<ApiKey>, Failure> {
    let mut query = QueryBuilder::new(
        "SELECT api_key_id, version, name, public_id, status, issued_at, issued_by, expires_at, ended_at
         FROM read.api_keys WHERE tenant_id = ",
    );
    query.push_bind(tx.tenant());
    if let Some(after) = &ask.after {
        let (issued_at, api_key_id) = after.key;
        query.push(" AND (issued_at, api_key_id) < (").push_bind(issued_at);
        query.push(", ").push_bind(api_key_id).push(")");
    }
    query.push(" ORDER BY issued_at DESC, api_key_id DESC LIMIT ").push(ask.rows_to_fetch());
    let rows: Vec<Row> = query.build_query_as().fetch_all(tx.connection()).await?;
    let total = match moment.known_total(pager, ask).await {
        Some(total) => total,
        None => moment.keep_total(pager, exact_total(kept_total(tx).await?)).await,
    };
    pager
        .page(ask, rows, total, moment.is_degraded(), |row| (row.issued_at, row.api_key_id))
        .try_map(|row| Ok(ApiKey::from(row)))
}

/// What a key may know of itself.
pub async fn name_of(tx: &mut TenantTx, key: Uuid) -> Result<Option<String>, Failure> {
    let tenant = tx.tenant();
    let name = sqlx::query_scalar!(
        r#"SELECT name AS "name!" FROM read.api_keys WHERE tenant_id = $1 AND api_key_id = $2"#,
        tenant,
        key
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(name)
}

async fn kept_total(tx: &mut TenantTx) -> Result<Option<i64>, Failure> {
    let tenant = tx.tenant();
    let total =
        sqlx::query_scalar!(r#"SELECT total AS "total!" FROM read.api_key_totals WHERE tenant_id = $1"#, tenant)
            .fetch_optional(tx.connection())
            .await?;
    Ok(total)
}

impl From<Row> for ApiKey {
    fn from(row: Row) -> Self {
        Self {
            id: row.api_key_id,
            version: row.version,
            name: row.name,
            public_id: row.public_id,
            status: row.status,
            issued_at: row.issued_at,
            issued_by: row.issued_by,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
        }
    }
}
