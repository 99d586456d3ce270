//! The dashboard's numbers, added up from counters that the projection keeps.
//!
//! Nothing here counts findings or devices: the cost is that of some hundred counter rows, whatever they count.

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::Failure,
    tenant_tx::TenantTx,
    tenant_versions::Version,
    vocabulary::{Disposition, Severity},
};

/// How many days the summary shows, today included.
pub const SUMMARY_DAYS: u64 = 30;
/// How many of the worst devices the summary names.
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

/// What a summary is added up from, as `read.summary_rows` gives it: with the version it is of.
#[derive(Debug, Deserialize)]
pub struct Rows {
    pub version: Version,
    findings: Vec<Cell>,
    devices: Vec<(String, i64)>,
    days: Vec<(NaiveDate, i64, i64)>,
    worst: Vec<Worst>,
    degraded: bool,
}

/// Severity's rank, disposition, device type, and how many there are in all and open.
#[derive(Debug, Deserialize)]
struct Cell(i16, String, String, i64, i64);

/// A device, its name and host name, and its open critical and high findings.
#[derive(Debug, Deserialize)]
struct Worst(Uuid, Option<String>, Option<String>, i32, i32);

impl Rows {
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    pub async fn of_tenant(tx: &mut TenantTx) -> Result<Self, Failure> {
        let tenant = tx.tenant();
        let text = sqlx::query_scalar!(r#"SELECT read.summary_rows($1) AS "rows!""#, tenant)
            .fetch_one(tx.connection())
            .await?;
        Self::read(&text).map_err(Failure::Corrupt)
    }
}

impl Summary {
    pub fn of(rows: Rows, today: NaiveDate) -> Self {
        let Rows { findings, devices, days, worst, degraded, .. } = rows;
        Self {
            findings: finding_counts(findings),
            devices: device_counts(devices),
            per_day: per_day(&days, today),
            worst_devices: worst.into_iter().map(worst_device).collect(),
            degraded,
        }
    }
}

fn finding_counts(cells: Vec<Cell>) -> FindingCounts {
    let count = |cell: &Cell| Count { total: cell.3, open: cell.4 };
    let mut types: Vec<&str> = cells.iter().map(|cell| cell.2.as_str()).collect();
    types.sort_unstable();
    types.dedup();
    let of_type = |name: &str| sum(cells.iter().filter(|cell| cell.2 == name).map(count));
    let by_type = types.into_iter().map(|name| DeviceTypeCount { device_type: named(name), count: of_type(name) });
    let mut by_device_type: Vec<DeviceTypeCount> = by_type.filter(|entry| entry.count.total > 0).collect();
    by_device_type.sort_by_key(|entry| std::cmp::Reverse((entry.count.open, entry.count.total)));
    by_device_type.truncate(DEVICE_TYPES_MAX_ROWS);
    let of_severity = |severity| sum(cells.iter().filter(|cell| Severity::from_rank(cell.0) == severity).map(count));
    let of_disposition = |word: Disposition| sum(cells.iter().filter(|cell| cell.1 == word.as_str()).map(count));
    FindingCounts {
        all: sum(cells.iter().map(count)),
        by_severity: Severity::ALL.map(|severity| SeverityCount { severity, count: of_severity(severity) }).into(),
        by_disposition: Disposition::ALL
            .map(|disposition| DispositionCount { disposition, count: of_disposition(disposition) })
            .into(),
        by_device_type,
    }
}

/// The rows come in the order in which they are shown.
fn device_counts(rows: Vec<(String, i64)>) -> DeviceCounts {
    let total = rows.iter().map(|(_, n)| n).sum();
    let shown = rows.into_iter().take(DEVICE_TYPES_MAX_ROWS);
    DeviceCounts { total, by_type: shown.map(|(name, total)| TypeCount { device_type: named(&name), total }).collect() }
}

/// Days on which nothing happened have no row, and are shown all the same.
fn per_day(rows: &[(NaiveDate, i64, i64)], today: NaiveDate) -> Vec<Day> {
    let first = today.checked_sub_days(Days::new(SUMMARY_DAYS - 1)).unwrap_or(today);
    let days = first.iter_days().take_while(|day| *day <= today);
    days.map(|day| match rows.iter().find(|row| row.0 == day) {
        Some(&(day, raised, closed)) => Day { day, raised, closed },
        None => Day { day, raised: 0, closed: 0 },
    })
    .collect()
}

fn worst_device(Worst(device_id, name, host_name, open_critical, open_high): Worst) -> WorstDevice {
    WorstDevice { device_id, name, host_name, open_critical, open_high }
}

fn sum(counts: impl Iterator<Item = Count>) -> Count {
    counts.fold(Count::default(), |sum, count| Count { total: sum.total + count.total, open: sum.open + count.open })
}

/// The projection writes "none" as an empty text, because a key column cannot be null.
fn named(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
