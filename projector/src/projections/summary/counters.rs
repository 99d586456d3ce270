//! The counters, moved by what a batch changed: one statement a table, one row a counter. A counter that has come back to
//! nothing goes, so that the rows depend on what is true now and not on the way there.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::vocabulary::{Disposition, Severity};
use sqlx::PgConnection;
use uuid::Uuid;

use super::devices::DeviceRow;
use super::findings::FindingRow;
use crate::failure::Failure;
use crate::rows::{Change, column};

/// Which counter of `finding_counts` a finding is in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cell<'a> {
    tenant: Uuid,
    severity: i16,
    disposition: Disposition,
    detected: bool,
    open: bool,
    device_type: &'a str,
}

/// Two numbers that move together.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Pair(i64, i64);

pub(super) async fn move_by(
    devices: &[Change<DeviceRow>],
    findings: &[Change<FindingRow>],
    transaction: &mut PgConnection,
) -> Result<(), Failure> {
    count_devices(devices, transaction).await?;
    count_findings(findings, transaction).await?;
    count_days(findings, transaction).await?;
    count_risks(findings, transaction).await
}

async fn count_devices(changes: &[Change<DeviceRow>], transaction: &mut PgConnection) -> Result<(), Failure> {
    let mut counts = BTreeMap::<(Uuid, &str), i64>::new();
    for (row, by) in changes.iter().flat_map(both) {
        if !row.retired {
            *counts.entry((row.tenant_id, &row.device_type)).or_default() += by;
        }
    }
    counts.retain(|_, by| *by != 0);
    if counts.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO device_counts AS c (tenant_id, device_type, n)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[])
         ON CONFLICT (tenant_id, device_type) DO UPDATE SET n = c.n + excluded.n",
        &column(counts.keys(), |(tenant, _)| *tenant),
        &column(counts.keys(), |(_, device_type)| *device_type) as &[&str],
        &column(counts.values(), |by| *by),
    )
    .execute(&mut *transaction)
    .await?;
    counts.retain(|_, by| *by < 0);
    if counts.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "DELETE FROM device_counts c USING unnest($1::uuid[], $2::text[]) AS r (tenant_id, device_type)
         WHERE c.n = 0 AND c.tenant_id = r.tenant_id AND c.device_type = r.device_type",
        &column(counts.keys(), |(tenant, _)| *tenant),
        &column(counts.keys(), |(_, device_type)| *device_type) as &[&str],
    )
    .execute(transaction)
    .await?;
    Ok(())
}

async fn count_findings(changes: &[Change<FindingRow>], transaction: &mut PgConnection) -> Result<(), Failure> {
    let mut counts = BTreeMap::<Cell<'_>, i64>::new();
    for (row, by) in changes.iter().flat_map(both) {
        *counts.entry(Cell::of(row)).or_default() += by;
    }
    counts.retain(|_, by| *by != 0);
    if counts.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO finding_counts AS c (tenant_id, severity, disposition, detected, open, device_type, n)
         SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::boolean[], $5::boolean[], $6::text[], $7::bigint[])
         ON CONFLICT (tenant_id, severity, disposition, detected, open, device_type) DO UPDATE SET n = c.n + excluded.n",
        &column(counts.keys(), |cell| cell.tenant),
        &column(counts.keys(), |cell| cell.severity),
        &column(counts.keys(), |cell| cell.disposition.as_str()) as &[&str],
        &column(counts.keys(), |cell| cell.detected),
        &column(counts.keys(), |cell| cell.open),
        &column(counts.keys(), |cell| cell.device_type) as &[&str],
        &column(counts.values(), |by| *by),
    )
    .execute(&mut *transaction)
    .await?;
    counts.retain(|_, by| *by < 0);
    if counts.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "DELETE FROM finding_counts c
         USING unnest($1::uuid[], $2::smallint[], $3::text[], $4::boolean[], $5::boolean[], $6::text[])
             AS r (tenant_id, severity, disposition, detected, open, device_type)
         WHERE c.n = 0 AND c.tenant_id = r.tenant_id AND c.severity = r.severity AND c.disposition = r.disposition
             AND c.detected = r.detected AND c.open = r.open AND c.device_type = r.device_type",
        &column(counts.keys(), |cell| cell.tenant),
        &column(counts.keys(), |cell| cell.severity),
        &column(counts.keys(), |cell| cell.disposition.as_str()) as &[&str],
        &column(counts.keys(), |cell| cell.detected),
        &column(counts.keys(), |cell| cell.open),
        &column(counts.keys(), |cell| cell.device_type) as &[&str],
    )
    .execute(transaction)
    .await?;
    Ok(())
}

async fn count_days(changes: &[Change<FindingRow>], transaction: &mut PgConnection) -> Result<(), Failure> {
    let mut days = BTreeMap::<(Uuid, NaiveDate), Pair>::new();
    for row in changes.iter().map(|change| &change.after) {
        if let Some(day) = row.raised_on {
            days.entry((row.tenant_id, day)).or_default().0 += 1;
        }
        for day in &row.closed_on {
            days.entry((row.tenant_id, *day)).or_default().1 += 1;
        }
    }
    if days.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO daily_counts AS c (tenant_id, day, raised, closed)
         SELECT * FROM unnest($1::uuid[], $2::date[], $3::bigint[], $4::bigint[])
         ON CONFLICT (tenant_id, day) DO UPDATE SET raised = c.raised + excluded.raised, closed = c.closed + excluded.closed",
        &column(days.keys(), |(tenant, _)| *tenant),
        &column(days.keys(), |(_, day)| *day),
        &column(days.values(), |by| by.0),
        &column(days.values(), |by| by.1),
    )
    .execute(transaction)
    .await?;
    Ok(())
}

async fn count_risks(changes: &[Change<FindingRow>], transaction: &mut PgConnection) -> Result<(), Failure> {
    let mut risks = BTreeMap::<(Uuid, Uuid), Pair>::new();
    for (row, by) in changes.iter().flat_map(both) {
        let Some(device) = row.device_id.filter(|_| row.state.is_open()) else { continue };
        match row.state.severity {
            Severity::Critical => risks.entry((row.tenant_id, device)).or_default().0 += by,
            Severity::High => risks.entry((row.tenant_id, device)).or_default().1 += by,
            Severity::Medium | Severity::Low | Severity::Info | Severity::Unknown => {}
        }
    }
    risks.retain(|_, by| *by != Pair(0, 0));
    if risks.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO device_risk AS c (tenant_id, device_id, open_critical, open_high)
         SELECT tenant_id, device_id, critical::integer, high::integer
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[]) AS r (tenant_id, device_id, critical, high)
         ON CONFLICT (tenant_id, device_id) DO UPDATE SET
             open_critical = c.open_critical + excluded.open_critical, open_high = c.open_high + excluded.open_high",
        &column(risks.keys(), |(tenant, _)| *tenant),
        &column(risks.keys(), |(_, device)| *device),
        &column(risks.values(), |by| by.0),
        &column(risks.values(), |by| by.1),
    )
    .execute(&mut *transaction)
    .await?;
    risks.retain(|_, by| by.0 < 0 || by.1 < 0);
    if risks.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "DELETE FROM device_risk c USING unnest($1::uuid[], $2::uuid[]) AS r (tenant_id, device_id)
         WHERE c.open_critical = 0 AND c.open_high = 0 AND c.tenant_id = r.tenant_id AND c.device_id = r.device_id",
        &column(risks.keys(), |(tenant, _)| *tenant),
        &column(risks.keys(), |(_, device)| *device),
    )
    .execute(transaction)
    .await?;
    Ok(())
}

impl<'a> Cell<'a> {
    fn of(row: &'a FindingRow) -> Self {
        Self {
            tenant: row.tenant_id,
            severity: row.state.severity.rank(),
            disposition: row.state.disposition,
            detected: row.state.detected,
            open: row.state.is_open(),
            device_type: &row.device_type,
        }
    }
}

/// The row as it was is taken out, as it is now is put in.
fn both<R>(change: &Change<R>) -> impl Iterator<Item = (&R, i64)> {
    change.before.iter().map(|before| (before, -1)).chain(std::iter::once((&change.after, 1)))
}
