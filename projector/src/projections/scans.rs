//! Scans as they were recorded. A scan never changes afterwards, so this only inserts.

use chrono::{DateTime, Utc};
use domain::vocabulary::StreamKind;
use event_schemas::{Actor, Written, scan};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::Event;
use crate::failure::Failure;
use crate::projection::Projection;
use crate::rows::{Impossible, Key, Keys, Row, afters, column, fold, growth, time};

#[derive(Debug)]
pub(crate) struct Scans;

#[derive(Clone, Debug)]
struct ScanRow {
    tenant_id: Uuid,
    scan_id: Uuid,
    version: i64,
    recorded: scan::v1::Recorded,
    observed_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    sender: String,
    sent_by_key: Option<Uuid>,
}

impl Projection for Scans {
    const NAME: &'static str = "scans";

    fn reads(kind: StreamKind) -> bool {
        kind == StreamKind::Scan
    }

    async fn apply(events: &[&Event], transaction: &mut PgConnection) -> Result<(), Failure> {
        let changes = fold::<ScanRow>(events, transaction).await?;
        if changes.is_empty() {
            return Ok(());
        }
        store(&afters(&changes), transaction).await?;
        let growth = growth(&changes);
        sqlx::query!(
            "INSERT INTO scan_totals AS t (tenant_id, total) SELECT * FROM unnest($1::uuid[], $2::bigint[])
             ON CONFLICT (tenant_id) DO UPDATE SET total = t.total + excluded.total",
            &growth.tenants,
            &growth.counts
        )
        .execute(transaction)
        .await?;
        Ok(())
    }
}

impl Row for ScanRow {
    /// Nothing follows a recording, so there is never a row to go on from.
    async fn load(_: &Keys, _: &mut PgConnection) -> Result<Vec<Self>, sqlx::Error> {
        Ok(vec![])
    }

    fn key(&self) -> Key {
        Key { tenant: self.tenant_id, stream: self.scan_id }
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn evolve(row: Option<Self>, event: &Event) -> Result<Self, Impossible> {
        let Some(Written::Scan(scan::Written::Recorded(recorded))) = event.written() else {
            return row.ok_or(Impossible("not a scan's event"));
        };
        let actor = event.header.as_ref().ok().map(|header| header.actor);
        Ok(Self {
            tenant_id: event.tenant,
            scan_id: event.stream,
            version: event.version,
            recorded: recorded.clone(),
            observed_at: time(recorded.observed_at)?,
            recorded_at: event.recorded_at,
            sender: event.actor(),
            sent_by_key: actor.and_then(key_of),
        })
    }
}

fn key_of(actor: Actor) -> Option<Uuid> {
    match actor {
        Actor::ApiKey(key) => Some(key.uuid()),
        Actor::User(_) | Actor::Operator | Actor::Timer | Actor::Scan | Actor::Anonymous => None,
    }
}

async fn store(rows: &[ScanRow], transaction: &mut PgConnection) -> Result<(), Failure> {
    let hosts = |row: &ScanRow| serde_json::Value::from(row.recorded.scope.hosts.clone()).to_string();
    sqlx::query!(
        "INSERT INTO scans (tenant_id, scan_id, version, tool, tool_version, lane, scope_devices, scope_hosts, sha256, bytes,
             observed_at, recorded_at, hosts_up, devices_registered, devices_updated, findings_raised, findings_known, refused,
             sender, sent_by_key)
         SELECT tenant_id, scan_id, version, tool, tool_version, lane, scope_devices,
             ARRAY (SELECT host FROM json_array_elements_text(scope_hosts::json) AS host), sha256, bytes, observed_at, recorded_at,
             hosts_up, devices_registered, devices_updated, findings_raised, findings_known, refused, sender, sent_by_key
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[],
             $10::bigint[], $11::timestamptz[], $12::timestamptz[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[],
             $17::bigint[], $18::bigint[], $19::text[], $20::uuid[])
           AS r (tenant_id, scan_id, version, tool, tool_version, lane, scope_devices, scope_hosts, sha256, bytes, observed_at,
             recorded_at, hosts_up, devices_registered, devices_updated, findings_raised, findings_known, refused, sender, sent_by_key)",
        &column(rows, |row| row.tenant_id),
        &column(rows, |row| row.scan_id),
        &column(rows, |row| row.version),
        &column(rows, |row| row.recorded.tool.as_str()) as &[&str],
        &column(rows, |row| row.recorded.tool_version.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.recorded.lane.as_str()) as &[&str],
        &column(rows, |row| row.recorded.scope.devices.into()),
        &column(rows, hosts),
        &column(rows, |row| row.recorded.sha256.as_str()) as &[&str],
        &column(rows, |row| row.recorded.bytes.try_into().unwrap_or(i64::MAX)),
        &column(rows, |row| row.observed_at),
        &column(rows, |row| row.recorded_at),
        &column(rows, |row| row.recorded.counts.hosts_up.into()),
        &column(rows, |row| row.recorded.counts.devices_registered.into()),
        &column(rows, |row| row.recorded.counts.devices_updated.into()),
        &column(rows, |row| row.recorded.counts.findings_raised.into()),
        &column(rows, |row| row.recorded.counts.findings_known.into()),
        &column(rows, |row| row.recorded.counts.refused.into()),
        &column(rows, |row| row.sender.as_str()) as &[&str],
        &column(rows, |row| row.sent_by_key) as &[Option<Uuid>],
    )
    .execute(transaction)
    .await?;
    Ok(())
}
