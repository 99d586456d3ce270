//! What the summary remembers of a finding, and what happened to it within a batch.

use std::collections::HashMap;

use chrono::NaiveDate;
use domain::vocabulary::Disposition;
use event_schemas::{Written, finding};
use sqlx::PgConnection;
use uuid::Uuid;

use super::devices::DeviceRow;
use crate::event::Event;
use crate::failure::Failure;
use crate::projections::finding_state::FindingState;
use crate::rows::{Change, Impossible, Key, Keys, Row, afters, column};

#[derive(Clone, Debug)]
pub(super) struct FindingRow {
    pub tenant_id: Uuid,
    pub finding_id: Uuid,
    pub version: i64,
    pub device_id: Option<Uuid>,
    pub device_type: String,
    pub state: FindingState,
    /// Within this batch only.
    pub raised_on: Option<NaiveDate>,
    /// Within this batch only; once for each time it closed.
    pub closed_on: Vec<NaiveDate>,
}

impl Row for FindingRow {
    async fn load(keys: &Keys, transaction: &mut PgConnection) -> Result<Vec<Self>, sqlx::Error> {
        let rows = sqlx::query!(
            "SELECT f.tenant_id, f.finding_id, version, device_id, device_type, severity, detected, disposition, remediation,
                    triage_before
             FROM unnest($1::uuid[], $2::uuid[]) AS k (tenant_id, finding_id)
             JOIN summary_findings f ON f.tenant_id = k.tenant_id AND f.finding_id = k.finding_id",
            &keys.tenants,
            &keys.streams
        )
        .fetch_all(transaction)
        .await?;
        let rows = rows.into_iter().map(|row| {
            let (disposition, before) = (&row.disposition, row.triage_before.as_deref());
            Ok(Self {
                tenant_id: row.tenant_id,
                finding_id: row.finding_id,
                version: row.version,
                device_id: row.device_id,
                device_type: row.device_type,
                state: FindingState::from_stored(
                    row.severity,
                    row.detected,
                    disposition,
                    row.remediation.as_deref(),
                    before,
                )?,
                raised_on: None,
                closed_on: vec![],
            })
        });
        rows.collect::<Result<_, Impossible>>().map_err(|Impossible(why)| sqlx::Error::Decode(why.into()))
    }

    fn key(&self) -> Key {
        Key { tenant: self.tenant_id, stream: self.finding_id }
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn evolve(row: Option<Self>, event: &Event) -> Result<Self, Impossible> {
        let Some(Written::Finding(written)) = event.written() else {
            return row.ok_or(Impossible("not a finding's event"));
        };
        let today = event.recorded_at.date_naive();
        match (row, written) {
            (Some(mut row), written) => {
                let was_open = row.state.is_open();
                row.state = row.state.after(written)?;
                row.version = event.version;
                if was_open && !row.state.is_open() {
                    row.closed_on.push(today);
                }
                Ok(row)
            }
            (None, finding::Written::Raised(raised)) => Ok(Self {
                tenant_id: event.tenant,
                finding_id: event.stream,
                version: event.version,
                device_id: raised.device,
                device_type: String::new(),
                state: FindingState::raised(&raised.severity)?,
                raised_on: Some(today),
                closed_on: vec![],
            }),
            (None, _) => Err(Impossible("the finding was never raised")),
        }
    }
}

/// New findings count under the type of their device for good: a device's type does not change.
pub(super) async fn add_device_types(
    changes: &mut [Change<FindingRow>],
    transaction: &mut PgConnection,
) -> Result<(), Failure> {
    let device_of = |row: &FindingRow| Some(Key { tenant: row.tenant_id, stream: row.device_id? });
    let new = || changes.iter().filter(|change| change.before.is_none());
    let devices: Vec<Key> = new().filter_map(|change| device_of(&change.after)).collect();
    if devices.is_empty() {
        return Ok(());
    }
    let devices = DeviceRow::load(&Keys::of(devices), transaction).await?;
    let types: HashMap<Key, String> = devices.into_iter().map(|device| (device.key(), device.device_type)).collect();
    for change in changes.iter_mut().filter(|change| change.before.is_none()) {
        let known = device_of(&change.after).and_then(|device| types.get(&device));
        change.after.device_type = known.cloned().unwrap_or_default();
    }
    Ok(())
}

pub(super) async fn store(changes: &[Change<FindingRow>], transaction: &mut PgConnection) -> Result<(), Failure> {
    if changes.is_empty() {
        return Ok(());
    }
    let rows = &afters(changes);
    sqlx::query!(
        "INSERT INTO summary_findings (tenant_id, finding_id, version, device_id, device_type, severity, detected,
             disposition, remediation, triage_before)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::smallint[], $7::boolean[],
             $8::text[], $9::text[], $10::text[])
         ON CONFLICT (tenant_id, finding_id) DO UPDATE SET version = excluded.version, severity = excluded.severity,
             detected = excluded.detected, disposition = excluded.disposition, remediation = excluded.remediation,
             triage_before = excluded.triage_before",
        &column(rows, |row| row.tenant_id),
        &column(rows, |row| row.finding_id),
        &column(rows, |row| row.version),
        &column(rows, |row| row.device_id) as &[Option<Uuid>],
        &column(rows, |row| row.device_type.as_str()) as &[&str],
        &column(rows, |row| row.state.severity.rank()),
        &column(rows, |row| row.state.detected),
        &column(rows, |row| row.state.disposition.as_str()) as &[&str],
        &column(rows, |row| row.state.remediation.map(|part| part.as_str())) as &[Option<&str>],
        &column(rows, |row| row.state.triage_before.map(Disposition::as_str)) as &[Option<&str>],
    )
    .execute(transaction)
    .await?;
    Ok(())
}
