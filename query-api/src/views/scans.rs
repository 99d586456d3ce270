//! Scans, latest first: all of the organization's, or those one key sent.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{FromRow, Postgres, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{bounded_count, bounded_total, exact_total, push_not_parked};
use crate::{
    error::Failure,
    page::{Ask, Page, Pager, Total},
    tenant_tx::TenantTx,
    versions::Moment,
};

/// A report that was taken in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Scan {
    pub id: Uuid,
    /// The stream's version.
    pub version: i64,
    pub tool: String,
    #[schema(required = true)]
    pub tool_version: Option<String>,
    /// The family of checks, which says what the scan could have found.
    pub lane: String,
    pub scope: Scope,
    /// SHA-256 of the report, in hexadecimal.
    pub sha256: String,
    /// Length of the report.
    pub bytes: i64,
    pub counts: Counts,
    /// When the scanner looked.
    pub observed_at: DateTime<Utc>,
    /// When the report was taken in.
    pub recorded_at: DateTime<Utc>,
    /// Who sent it: `user:<id>` or `key:<id>`.
    pub sender: String,
}

/// What the scan declares to have covered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Scope {
    pub devices: i64,
    pub hosts: Vec<String>,
}

/// What came of the report.
#[derive(Debug, Serialize, ToSchema)]
pub struct Counts {
    pub hosts_up: i64,
    pub devices_registered: i64,
    pub devices_updated: i64,
    pub findings_raised: i64,
    pub findings_known: i64,
    pub refused: i64,
}

/// Whose scans are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Senders {
    Everybody,
    Key(Uuid),
}

#[derive(Debug, FromRow)]
struct Row {
    scan_id: Uuid,
    version: i64,
    tool: String,
    tool_version: Option<String>,
    lane: String,
    scope_devices: i64,
    scope_hosts: Vec<String>,
    sha256: String,
    bytes: i64,
    observed_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    hosts_up: i64,
    devices_registered: i64,
    devices_updated: i64,
    findings_raised: i64,
    findings_known: i64,
    refused: i64,
    sender: String,
}

/// Where a page of scans ends.
pub type Key = (DateTime<Utc>, Uuid);

pub async fn page(
    tx: &mut TenantTx,
    senders: Senders,
    moment: &Moment<'_>,
    pager: &Pager<'_>,
    ask: &Ask<Key>,
) -> Result<Page<Scan>, Failure> {
    let mut query = select(tx.tenant(), senders);
    if let Some(after) = &ask.after {
        let (recorded_at, scan_id) = after.key;
        query.push(" AND (recorded_at, scan_id) < (").push_bind(recorded_at);
        query.push(", ").push_bind(scan_id).push(")");
    }
    query.push(" ORDER BY recorded_at DESC, scan_id DESC LIMIT ").push(ask.rows_to_fetch());
    let rows: Vec<Row> = query.build_query_as().fetch_all(tx.connection()).await?;
    let total = match moment.known_total(pager, ask).await {
        Some(total) => total,
        None => moment.keep_total(pager, count(tx, senders).await?).await,
    };
    pager
        .page(ask, rows, total, moment.is_degraded(), |row| (row.recorded_at, row.scan_id))
        .try_map(|row| Ok(Scan::from(row)))
}

/// Nothing if it is not there or waits as parked.
pub async fn find(tx: &mut TenantTx, senders: Senders, scan: Uuid) -> Result<Option<Scan>, Failure> {
    let mut query = select(tx.tenant(), senders);
    query.push(" AND scan_id = ").push_bind(scan);
    push_not_parked(&mut query, tx.tenant(), "scans", scan);
    let row: Option<Row> = query.build_query_as().fetch_optional(tx.connection()).await?;
    Ok(row.map(Scan::from))
}

fn select(tenant: Uuid, senders: Senders) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "SELECT scan_id, version, tool, tool_version, lane, scope_devices, scope_hosts, sha256, bytes, observed_at,
                recorded_at, hosts_up, devices_registered, devices_updated, findings_raised, findings_known, refused,
                sender
         FROM read.scans WHERE tenant_id = ",
    );
    query.push_bind(tenant);
    push_senders(&mut query, senders);
    query
}

fn push_senders(query: &mut QueryBuilder<Postgres>, senders: Senders) {
    match senders {
        Senders::Everybody => {}
        Senders::Key(key) => {
            query.push(" AND sent_by_key = ").push_bind(key);
        }
    }
}

async fn count(tx: &mut TenantTx, senders: Senders) -> Result<Total, Failure> {
    let tenant = tx.tenant();
    match senders {
        Senders::Everybody => {
            let kept =
                sqlx::query_scalar!(r#"SELECT total AS "total!" FROM read.scan_totals WHERE tenant_id = $1"#, tenant)
                    .fetch_optional(tx.connection())
                    .await?;
            Ok(exact_total(kept))
        }
        Senders::Key(_) => {
            let mut rows = bounded_count("read.scans WHERE tenant_id = ");
            rows.push_bind(tenant);
            push_senders(&mut rows, senders);
            bounded_total(tx, rows).await
        }
    }
}

impl From<Row> for Scan {
    fn from(row: Row) -> Self {
        Self {
            id: row.scan_id,
            version: row.version,
            tool: row.tool,
            tool_version: row.tool_version,
            lane: row.lane,
            scope: Scope { devices: row.scope_devices, hosts: row.scope_hosts },
            sha256: row.sha256,
            bytes: row.bytes,
            counts: Counts {
                hosts_up: row.hosts_up,
                devices_registered: row.devices_registered,
                devices_updated: row.devices_updated,
                findings_raised: row.findings_raised,
                findings_known: row.findings_known,
                refused: row.refused,
            },
            observed_at: row.observed_at,
            recorded_at: row.recorded_at,
            sender: row.sender,
        }
    }
}
