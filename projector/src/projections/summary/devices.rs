//! What the summary remembers of a device.

use event_schemas::{Written, device};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::Event;
use crate::failure::Failure;
use crate::rows::{Change, Impossible, Key, Keys, Row, afters, column};

#[derive(Clone, Debug)]
pub(super) struct DeviceRow {
    pub tenant_id: Uuid,
    pub device_id: Uuid,
    pub version: i64,
    /// Empty: nobody said.
    pub device_type: String,
    pub retired: bool,
}

impl Row for DeviceRow {
    async fn load(keys: &Keys, transaction: &mut PgConnection) -> Result<Vec<Self>, sqlx::Error> {
        sqlx::query_as!(
            Self,
            "SELECT d.tenant_id, d.device_id, version, device_type, retired
             FROM unnest($1::uuid[], $2::uuid[]) AS k (tenant_id, device_id)
             JOIN summary_devices d ON d.tenant_id = k.tenant_id AND d.device_id = k.device_id",
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
        let (Key { tenant, stream }, version) = (event.key(), event.version);
        match (row, written) {
            (None, W::Registered(registered)) => Ok(Self {
                tenant_id: tenant,
                device_id: stream,
                version,
                device_type: registered.profile.kind.clone().unwrap_or_default(),
                retired: false,
            }),
            (Some(row), W::Retired(_)) => Ok(Self { version, retired: true, ..row }),
            (Some(row), W::Registered(_) | W::IdentifiersChanged(_) | W::StatusReported(_)) => {
                Ok(Self { version, ..row })
            }
            (None, W::Retired(_) | W::IdentifiersChanged(_) | W::StatusReported(_)) => {
                Err(Impossible("the device was never registered"))
            }
        }
    }
}

pub(super) async fn store(changes: &[Change<DeviceRow>], transaction: &mut PgConnection) -> Result<(), Failure> {
    if changes.is_empty() {
        return Ok(());
    }
    let rows = &afters(changes);
    sqlx::query!(
        "INSERT INTO summary_devices (tenant_id, device_id, version, device_type, retired)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::boolean[])
         ON CONFLICT (tenant_id, device_id) DO UPDATE SET version = excluded.version, retired = excluded.retired",
        &column(rows, |row| row.tenant_id),
        &column(rows, |row| row.device_id),
        &column(rows, |row| row.version),
        &column(rows, |row| row.device_type.as_str()) as &[&str],
        &column(rows, |row| row.retired),
    )
    .execute(transaction)
    .await?;
    Ok(())
}
