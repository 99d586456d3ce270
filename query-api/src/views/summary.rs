//! The dashboard's numbers, added up from counters that the projection keeps.
//!
//! Nothing here counts findings or devices: the cost is that of some hundred counter rows, whatever they count.

use chrono::{Days, NaiveDate};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::degraded;
use crate::{
    error::Failure,
    tenant_tx::TenantTx,
    vocabulary::{Disposition, Severity},
};

/// How many days the summary shows, today included.
pub const SUMMARY_DAYS: u64 = 30;
/// How many of the worst devices the summary names.
const WORST_DEVICES_MAX_ROWS: i64 = 10;
/// How many types of devices the summary tells apart, the most frequent first.
const DEVICE_TYPES_MAX_ROWS: usize = 100;

/// The organization at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub struct Summary {
    pub findings: FindingCounts,
    pub devices: DeviceCounts,
    /// The last 30 days (UTC), oldest first, today included.
    #[schema(min_items = 30, max_items = 30)]
    pub per_day: Vec<Day>,
    /// The devices with the most open critical, then high findings; retired ones are left out, though their findings
    /// stay open until somebody decides about them.
    #[schema(max_items = 10)]
    pub worst_devices: Vec<WorstDevice>,
    /// True while some event behind these numbers could not be applied.
    pub degraded: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FindingCounts {
    #[serde(flatten)]
    pub all: Count,
    /// One entry per severity, worst first.
    pub by_severity: Vec<SeverityCount>,
    /// One entry per disposition.
    pub by_disposition: Vec<DispositionCount>,
    /// The most open first; `device_type` is null for findings without a device or on one without a type.
    #[schema(max_items = 100)]
    pub by_device_type: Vec<DeviceTypeCount>,
}

/// Findings that were ever raised, and those of them that are open: detected, and not set aside as false
/// positive, out of scope or accepted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Count {
    pub total: i64,
    pub open: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SeverityCount {
    pub severity: Severity,
    #[serde(flatten)]
    pub count: Count,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DispositionCount {
    pub disposition: Disposition,
    #[serde(flatten)]
    pub count: Count,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceTypeCount {
    #[schema(required = true)]
    pub device_type: Option<String>,
    #[serde(flatten)]
    pub count: Count,
}

/// Devices that are registered and not retired.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceCounts {
    pub total: i64,
    /// The most frequent first; `device_type` is null for devices without one.
    #[schema(max_items = 100)]
    pub by_type: Vec<TypeCount>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct TypeCount {
    #[schema(required = true)]
    pub device_type: Option<String>,
    pub total: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Day {
    pub day: NaiveDate,
    /// Findings raised on that day.
    pub raised: i64,
    /// Findings that ceased to be open on that day.
    pub closed: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WorstDevice {
    pub device_id: Uuid,
    #[schema(required = true)]
    pub name: Option<String>,
    #[schema(required = true)]
    pub host_name: Option<String>,
    pub open_critical: i32,
    pub open_high: i32,
}

pub async fn read(tx: &mut TenantTx, today: NaiveDate) -> Result<Summary, Failure> {
    Ok(Summary {
        findings: finding_counts(tx).await?,
        devices: device_counts(tx).await?,
        per_day: per_day(tx, today).await?,
        worst_devices: worst_devices(tx).await?,
        degraded: degraded(tx, &["summary", "devices"]).await?,
    })
}

async fn finding_counts(tx: &mut TenantTx) -> Result<FindingCounts, Failure> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        r#"SELECT severity AS "severity!", disposition AS "disposition!: Disposition", device_type AS "device_type!",
                  sum(n)::bigint AS "total!", coalesce(sum(n) FILTER (WHERE open), 0)::bigint AS "open!"
           FROM read.finding_counts WHERE tenant_id = $1 GROUP BY severity, disposition, device_type"#,
        tenant
    )
    .fetch_all(tx.connection())
    .await?;
    let cells: Vec<(Severity, Disposition, String, Count)> = rows
        .into_iter()
        .map(|row| {
            let count = Count { total: row.total, open: row.open };
            (Severity::from_rank(row.severity), row.disposition, row.device_type, count)
        })
        .collect();
    let mut types: Vec<String> = cells.iter().map(|(_, _, device_type, _)| device_type.clone()).collect();
    types.sort_unstable();
    types.dedup();
    let mut by_device_type: Vec<DeviceTypeCount> = types
        .into_iter()
        .map(|name| {
            let count = sum(cells.iter().filter(|cell| cell.2 == name).map(|cell| cell.3));
            DeviceTypeCount { device_type: named(name), count }
        })
        .filter(|entry| entry.count.total > 0)
        .collect();
    by_device_type.sort_by_key(|entry| std::cmp::Reverse((entry.count.open, entry.count.total)));
    by_device_type.truncate(DEVICE_TYPES_MAX_ROWS);
    let of_severity = |severity| sum(cells.iter().filter(|cell| cell.0 == severity).map(|cell| cell.3));
    let of_disposition = |disposition| sum(cells.iter().filter(|cell| cell.1 == disposition).map(|cell| cell.3));
    Ok(FindingCounts {
        all: sum(cells.iter().map(|cell| cell.3)),
        by_severity: Severity::ALL.map(|severity| SeverityCount { severity, count: of_severity(severity) }).into(),
        by_disposition: Disposition::ALL
            .map(|disposition| DispositionCount { disposition, count: of_disposition(disposition) })
            .into(),
        by_device_type,
    })
}

async fn device_counts(tx: &mut TenantTx) -> Result<DeviceCounts, Failure> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        r#"SELECT device_type AS "device_type!", n AS "n!" FROM read.device_counts
           WHERE tenant_id = $1 AND n > 0 ORDER BY n DESC, device_type"#,
        tenant
    )
    .fetch_all(tx.connection())
    .await?;
    let total = rows.iter().map(|row| row.n).sum();
    let by_type = rows
        .into_iter()
        .take(DEVICE_TYPES_MAX_ROWS)
        .map(|row| TypeCount { device_type: named(row.device_type), total: row.n })
        .collect();
    Ok(DeviceCounts { total, by_type })
}

/// Days on which nothing happened have no row, and are shown all the same.
async fn per_day(tx: &mut TenantTx, today: NaiveDate) -> Result<Vec<Day>, Failure> {
    let tenant = tx.tenant();
    let first = today.checked_sub_days(Days::new(SUMMARY_DAYS - 1)).unwrap_or(today);
    let rows = sqlx::query!(
        r#"SELECT day AS "day!", raised AS "raised!", closed AS "closed!" FROM read.daily_counts
           WHERE tenant_id = $1 AND day BETWEEN $2 AND $3"#,
        tenant,
        first,
        today
    )
    .fetch_all(tx.connection())
    .await?;
    let days = first.iter_days().take_while(|day| *day <= today);
    Ok(days
        .map(|day| match rows.iter().find(|row| row.day == day) {
            Some(row) => Day { day, raised: row.raised, closed: row.closed },
            None => Day { day, raised: 0, closed: 0 },
        })
        .collect())
}

async fn worst_devices(tx: &mut TenantTx) -> Result<Vec<WorstDevice>, Failure> {
    let tenant = tx.tenant();
    let devices = sqlx::query_as!(
        WorstDevice,
        r#"SELECT r.device_id AS "device_id!", d.name AS "name?", d.host_name AS "host_name?",
                  r.open_critical AS "open_critical!", r.open_high AS "open_high!"
           FROM read.device_risk AS r
           LEFT JOIN read.devices AS d ON d.tenant_id = r.tenant_id AND d.device_id = r.device_id
           WHERE r.tenant_id = $1 AND (r.open_critical > 0 OR r.open_high > 0) AND d.retired IS NOT TRUE
           ORDER BY r.open_critical DESC, r.open_high DESC, r.device_id LIMIT $2"#,
        tenant,
        WORST_DEVICES_MAX_ROWS
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(devices)
}

fn sum(counts: impl Iterator<Item = Count>) -> Count {
    counts.fold(Count::default(), |sum, count| Count { total: sum.total + count.total, open: sum.open + count.open })
}

/// The projection writes "none" as an empty text, because a key column cannot be null.
fn named(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
