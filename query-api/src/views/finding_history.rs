//! What happened to a finding, from its first report on.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{FromRow, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{bounded_count, bounded_total, raw_json};
use crate::{
    error::Failure,
    page::{Ask, Page, Pager},
    tenant_tx::TenantTx,
    versions::Moment,
};

/// One step of a finding's history.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryEntry {
    /// The finding's version after it.
    pub version: i64,
    pub recorded_at: DateTime<Utc>,
    /// Who did it: `user:<id>`, `key:<id>` or a part of the system.
    pub actor: String,
    /// What happened, such as `finding.confirmed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The particulars, which depend on the type.
    #[schema(value_type = Object)]
    pub detail: Box<RawValue>,
}

#[derive(Debug, FromRow)]
struct Row {
    version: i64,
    recorded_at: DateTime<Utc>,
    actor: String,
    r#type: String,
    detail_json: String,
}

/// The version of the last step on the page.
pub type Key = i64;

pub async fn page(
    tx: &mut TenantTx,
    finding: Uuid,
    moment: &Moment<'_>,
    pager: &Pager<'_>,
    ask: &Ask<Key>,
) -> Result<Page<HistoryEntry>, Failure> {
    let mut query = QueryBuilder::new(
        "SELECT version, recorded_at, actor, type, detail_json FROM read.finding_history WHERE tenant_id = ",
    );
    query.push_bind(tx.tenant()).push(" AND finding_id = ").push_bind(finding);
    if let Some(after) = &ask.after {
        query.push(" AND version > ").push_bind(after.key);
    }
    query.push(" ORDER BY version LIMIT ").push(ask.rows_to_fetch());
    let rows: Vec<Row> = query.build_query_as().fetch_all(tx.connection()).await?;
    let total = match moment.known_total(pager, ask).await {
        Some(total) => total,
        None => {
            let mut all = bounded_count("read.finding_history WHERE tenant_id = ");
            all.push_bind(tx.tenant()).push(" AND finding_id = ").push_bind(finding);
            moment.keep_total(pager, bounded_total(tx, all).await?).await
        }
    };
    pager.page(ask, rows, total, moment.is_degraded(), |row| row.version).try_map(HistoryEntry::try_from)
}

/// Whether the finding is there at all: one without history cannot be.
pub async fn exists(tx: &mut TenantTx, finding: Uuid) -> Result<bool, Failure> {
    let tenant = tx.tenant();
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM read.findings WHERE tenant_id = $1 AND finding_id = $2) AS "found!""#,
        tenant,
        finding
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(found)
}

impl TryFrom<Row> for HistoryEntry {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        Ok(Self {
            version: row.version,
            recorded_at: row.recorded_at,
            actor: row.actor,
            kind: row.r#type,
            detail: raw_json(row.detail_json)?,
        })
    }
}
