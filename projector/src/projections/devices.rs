//! Devices as they are now. It knows nothing of their findings.

use chrono::{DateTime, Utc};
use domain::vocabulary::StreamKind;
use event_schemas::{Written, device};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::Event;
use crate::failure::Failure;
use crate::projection::Projection;
use crate::rows::{Impossible, Key, Keys, Row, afters, column, fold, growth, time};

#[derive(Debug)]
pub(crate) struct Devices;

#[derive(Clone, Debug)]
struct DeviceRow {
    tenant_id: Uuid,
    device_id: Uuid,
    version: i64,
    network: String,
    addresses: Vec<String>,
    mac: Option<String>,
    host_name: Option<String>,
    name: Option<String>,
    kind: Option<String>,
    vendor: Option<String>,
    model: Option<String>,
    os: Option<String>,
    place: Option<String>,
    latitude_e6: Option<i32>,
    longitude_e6: Option<i32>,
    criticality: String,
    metadata_json: String,
    status: String,
    seen_at: Option<DateTime<Utc>>,
    retired: bool,
    registered_at: DateTime<Utc>,
    registered_by: String,
    last_changed_at: DateTime<Utc>,
}

impl Projection for Devices {
    const NAME: &'static str = "devices";

    fn reads(kind: StreamKind) -> bool {
        kind == StreamKind::Device
    }

    async fn apply(events: &[&Event], transaction: &mut PgConnection) -> Result<(), Failure> {
        let changes = fold::<DeviceRow>(events, transaction).await?;
        if changes.is_empty() {
            return Ok(());
        }
        store(&afters(&changes), transaction).await?;
        let growth = growth(&changes);
        sqlx::query!(
            "INSERT INTO device_totals AS t (tenant_id, total) SELECT * FROM unnest($1::uuid[], $2::bigint[])
             ON CONFLICT (tenant_id) DO UPDATE SET total = t.total + excluded.total",
            &growth.tenants,
            &growth.counts
        )
        .execute(transaction)
        .await?;
        Ok(())
    }
}

impl Row for DeviceRow {
    async fn load(keys: &Keys, transaction: &mut PgConnection) -> Result<Vec<Self>, sqlx::Error> {
        sqlx::query_as!(
            Self,
            "SELECT d.tenant_id, d.device_id, version, network, addresses, mac, host_name, name, type AS kind, vendor, model, os, place,
                    latitude_e6, longitude_e6, criticality, metadata_json, status, seen_at, retired, registered_at, registered_by,
                    last_changed_at
             FROM unnest($1::uuid[], $2::uuid[]) AS k (tenant_id, device_id)
             JOIN devices d ON d.tenant_id = k.tenant_id AND d.device_id = k.device_id",
            &keys.tenants,
            &keys.streams
        )
        .fetch_all(transaction)
        .await
    }

    fn key(&self) -> Key {
        Key { tenant: self.tenant_id, stream: self.device_id }
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn evolve(row: Option<Self>, event: &Event) -> Result<Self, Impossible> {
        use device::Written as W;
        let Some(Written::Device(written)) = event.written() else {
            return row.ok_or(Impossible("not a device's event"));
        };
        let mut row = match (row, written) {
            (None, W::Registered(registered)) => Self::registered(event, registered)?,
            (Some(row), W::Registered(_) | W::IdentifiersChanged(_) | W::StatusReported(_) | W::Retired(_)) => row,
            (None, W::IdentifiersChanged(_) | W::StatusReported(_) | W::Retired(_)) => {
                return Err(Impossible("the device was never registered"));
            }
        };
        match written {
            W::Registered(_) => {}
            W::IdentifiersChanged(changed) => row.identify(&changed.identifiers),
            W::StatusReported(reported) => {
                row.status.clone_from(&reported.status);
                row.seen_at = Some(time(reported.seen_at)?);
            }
            W::Retired(_) => row.retired = true,
        }
        row.version = event.version;
        row.last_changed_at = event.recorded_at;
        Ok(row)
    }
}

impl DeviceRow {
    fn registered(event: &Event, registered: &device::v1::Registered) -> Result<Self, Impossible> {
        let profile = registered.profile.clone();
        let mut row = Self {
            tenant_id: event.tenant,
            device_id: event.stream,
            version: event.version,
            network: String::new(),
            addresses: vec![],
            mac: None,
            host_name: None,
            name: profile.name,
            kind: profile.kind,
            vendor: profile.vendor,
            model: profile.model,
            os: profile.os,
            place: profile.place,
            latitude_e6: profile.latitude_e6,
            longitude_e6: profile.longitude_e6,
            criticality: registered.criticality.clone(),
            metadata_json: serde_json::to_string(&registered.metadata)
                .map_err(|_| Impossible("metadata is not JSON"))?,
            status: "unknown".to_owned(),
            seen_at: None,
            retired: false,
            registered_at: event.recorded_at,
            registered_by: event.actor(),
            last_changed_at: event.recorded_at,
        };
        row.identify(&registered.identifiers);
        Ok(row)
    }

    fn identify(&mut self, identifiers: &device::v1::Identifiers) {
        let device::v1::Identifiers { network, addresses, mac, host_name } = identifiers.clone();
        (self.network, self.addresses, self.mac, self.host_name) = (network, addresses, mac, host_name);
    }
}

async fn store(rows: &[DeviceRow], transaction: &mut PgConnection) -> Result<(), Failure> {
    sqlx::query!(
        r#"INSERT INTO devices (tenant_id, device_id, version, network, addresses, mac, host_name, name, type, vendor, model,
                os, place, latitude_e6, longitude_e6, criticality, metadata_json, status, seen_at, retired, registered_at,
                registered_by, last_changed_at)
           SELECT tenant_id, device_id, version, network, string_to_array(addresses, ','), mac, host_name, name, type, vendor, model,
                os, place, latitude_e6, longitude_e6, criticality, metadata_json, status, seen_at, retired, registered_at,
                registered_by, last_changed_at
           FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::integer[], $15::integer[], $16::text[],
                $17::text[], $18::text[], $19::timestamptz[], $20::boolean[], $21::timestamptz[], $22::text[], $23::timestamptz[])
             AS r (tenant_id, device_id, version, network, addresses, mac, host_name, name, type, vendor, model, os, place,
                latitude_e6, longitude_e6, criticality, metadata_json, status, seen_at, retired, registered_at, registered_by,
                last_changed_at)
           ON CONFLICT (tenant_id, device_id) DO UPDATE SET
                version = excluded.version, network = excluded.network, addresses = excluded.addresses, mac = excluded.mac,
                host_name = excluded.host_name, status = excluded.status, seen_at = excluded.seen_at,
                retired = excluded.retired, last_changed_at = excluded.last_changed_at"#,
        &column(rows, |row| row.tenant_id),
        &column(rows, |row| row.device_id),
        &column(rows, |row| row.version),
        &column(rows, |row| row.network.as_str()) as &[&str],
        // Canonical addresses hold no comma.
        &column(rows, |row| row.addresses.join(",")),
        &column(rows, |row| row.mac.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.host_name.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.name.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.kind.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.vendor.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.model.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.os.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.place.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.latitude_e6) as &[Option<i32>],
        &column(rows, |row| row.longitude_e6) as &[Option<i32>],
        &column(rows, |row| row.criticality.as_str()) as &[&str],
        &column(rows, |row| row.metadata_json.as_str()) as &[&str],
        &column(rows, |row| row.status.as_str()) as &[&str],
        &column(rows, |row| row.seen_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.retired),
        &column(rows, |row| row.registered_at),
        &column(rows, |row| row.registered_by.as_str()) as &[&str],
        &column(rows, |row| row.last_changed_at),
    )
    .execute(transaction)
    .await?;
    Ok(())
}
