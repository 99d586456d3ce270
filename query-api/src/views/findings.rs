//! Findings: as a list shows them, and one in full.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{FromRow, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{push_not_parked, raw_json};
use crate::{
    error::Failure,
    tenant_tx::TenantTx,
    vocabulary::{Disposition, Remediation, Severity, Status},
};

/// A finding as a list shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Finding {
    pub id: Uuid,
    /// The stream's version, for `If-Match`.
    pub version: i64,
    /// The device it was found on; null for one that stands alone.
    #[schema(required = true)]
    pub device_id: Option<Uuid>,
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub severity: Severity,
    /// Derived from `detected`, `disposition` and `remediation`: `resolved` when it is not detected any more; else
    /// `suppressed` when it is a false positive, out of scope or accepted; else `in-progress` while somebody works on
    /// it or claims to have fixed it; else `new` until somebody judges it; else `open`.
    pub status: Status,
    pub detected: bool,
    pub disposition: Disposition,
    /// How far the repair is; null while the finding is a false positive, out of scope or accepted.
    #[schema(required = true)]
    pub remediation: Option<Remediation>,
    /// The request or approval to live with it.
    #[schema(required = true)]
    pub acceptance: Option<Acceptance>,
    #[schema(required = true)]
    pub assignee: Option<Uuid>,
    pub cves: Vec<String>,
    /// The highest score of its vectors, to one decimal.
    #[schema(required = true, minimum = 0.0, maximum = 10.0)]
    pub cvss_score: Option<f64>,
    /// The tool's family that finds it, `manual` for people.
    pub tool: String,
    pub raised_at: DateTime<Utc>,
    pub last_changed_at: DateTime<Utc>,
    pub last_observed_at: DateTime<Utc>,
}

/// Until when a risk is, or would be, accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Acceptance {
    pub until: DateTime<Utc>,
    #[schema(required = true)]
    pub requested_by: Option<Uuid>,
    #[schema(required = true)]
    pub reason: Option<String>,
}

/// A finding in full.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingDetail {
    #[serde(flatten)]
    pub finding: Finding,
    /// Who raised it: `user:<id>`, `key:<id>` or a part of the system.
    pub raised_by: String,
    #[schema(required = true)]
    pub description: Option<String>,
    pub cvss_vectors: Vec<String>,
    #[schema(required = true)]
    pub rule: Option<String>,
    /// A package URL.
    #[schema(required = true)]
    pub component: Option<String>,
    #[schema(required = true)]
    pub protocol: Option<String>,
    #[schema(required = true, minimum = 0, maximum = 65_535)]
    pub port: Option<i32>,
    #[schema(required = true)]
    pub location: Option<String>,
    #[schema(required = true)]
    pub evidence: Option<String>,
    /// Free key-value pairs as given when it was raised.
    #[schema(value_type = Object)]
    pub metadata: Box<RawValue>,
}

/// A row of [`LIST_COLUMNS`].
#[derive(Debug, FromRow)]
pub(super) struct Row {
    pub(super) finding_id: Uuid,
    version: i64,
    pub(super) severity: i16,
    detected: bool,
    disposition: Disposition,
    remediation: Option<Remediation>,
    acceptance_until: Option<DateTime<Utc>>,
    acceptance_requested_by: Option<Uuid>,
    acceptance_reason: Option<String>,
    device_id: Option<Uuid>,
    r#type: String,
    title: String,
    assignee: Option<Uuid>,
    cvss_score_tenths: Option<i32>,
    cves: Vec<String>,
    tool: String,
    raised_at: DateTime<Utc>,
    pub(super) last_changed_at: DateTime<Utc>,
    last_observed_at: DateTime<Utc>,
}

#[derive(Debug, FromRow)]
struct DetailRow {
    #[sqlx(flatten)]
    row: Row,
    raised_by: String,
    description: Option<String>,
    cvss_vectors: Vec<String>,
    rule: Option<String>,
    component: Option<String>,
    protocol: Option<String>,
    port: Option<i32>,
    location: Option<String>,
    evidence: Option<String>,
    metadata_json: String,
}

/// Nothing if it is not there or waits as parked.
pub async fn find(tx: &mut TenantTx, finding: Uuid) -> Result<Option<FindingDetail>, Failure> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(LIST_COLUMNS).push(", ").push(DETAIL_COLUMNS);
    query.push(" FROM read.findings AS f WHERE f.tenant_id = ").push_bind(tx.tenant());
    query.push(" AND f.finding_id = ").push_bind(finding);
    push_not_parked(&mut query, tx.tenant(), "findings", finding);
    let row: Option<DetailRow> = query.build_query_as().fetch_optional(tx.connection()).await?;
    row.map(FindingDetail::try_from).transpose()
}

pub(super) const LIST_COLUMNS: &str = "f.finding_id, f.version, f.severity, f.detected, f.disposition, f.remediation, \
     f.acceptance_until, f.acceptance_requested_by, f.acceptance_reason, f.device_id, f.type, f.title, f.assignee, \
     f.cvss_score_tenths, f.cves, f.tool, f.raised_at, f.last_changed_at, f.last_observed_at";

const DETAIL_COLUMNS: &str = "f.raised_by, f.description, f.cvss_vectors, f.rule, f.component, f.protocol, f.port, \
     f.location, f.evidence, f.metadata_json";

impl From<Row> for Finding {
    fn from(row: Row) -> Self {
        let acceptance = row.acceptance_until.map(|until| Acceptance {
            until,
            requested_by: row.acceptance_requested_by,
            reason: row.acceptance_reason,
        });
        Self {
            id: row.finding_id,
            version: row.version,
            device_id: row.device_id,
            kind: row.r#type,
            title: row.title,
            severity: Severity::from_rank(row.severity),
            status: Status::of(row.detected, row.disposition, row.remediation),
            detected: row.detected,
            disposition: row.disposition,
            remediation: row.remediation,
            acceptance,
            assignee: row.assignee,
            cves: row.cves,
            cvss_score: row.cvss_score_tenths.map(|tenths| f64::from(tenths) / 10.0),
            tool: row.tool,
            raised_at: row.raised_at,
            last_changed_at: row.last_changed_at,
            last_observed_at: row.last_observed_at,
        }
    }
}

impl TryFrom<DetailRow> for FindingDetail {
    type Error = Failure;

    fn try_from(detail: DetailRow) -> Result<Self, Failure> {
        Ok(Self {
            finding: detail.row.into(),
            raised_by: detail.raised_by,
            description: detail.description,
            cvss_vectors: detail.cvss_vectors,
            rule: detail.rule,
            component: detail.component,
            protocol: detail.protocol,
            port: detail.port,
            location: detail.location,
            evidence: detail.evidence,
            metadata: raw_json(detail.metadata_json)?,
        })
    }
}
