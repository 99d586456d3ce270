//! Devices, latest registration first.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{FromRow, Postgres, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{exact_total, push_not_parked, raw_json};
use crate::{
    error::Failure,
    page::{Ask, Page, Pager},
    tenant_tx::TenantTx,
    versions::Moment,
    vocabulary::{Criticality, DeviceStatus},
};

/// A device of the organization.
#[derive(Debug, Serialize, ToSchema)]
pub struct Device {
    pub id: Uuid,
    /// The stream's version, for `If-Match`.
    pub version: i64,
    pub network: String,
    pub addresses: Vec<String>,
    #[schema(required = true)]
    pub mac: Option<String>,
    #[schema(required = true)]
    pub host_name: Option<String>,
    #[schema(required = true)]
    pub name: Option<String>,
    #[serde(rename = "type")]
    #[schema(required = true)]
    pub kind: Option<String>,
    #[schema(required = true)]
    pub vendor: Option<String>,
    #[schema(required = true)]
    pub model: Option<String>,
    #[schema(required = true)]
    pub os: Option<String>,
    #[schema(required = true)]
    pub place: Option<String>,
    /// Degrees, north positive.
    #[schema(required = true)]
    pub latitude: Option<f64>,
    /// Degrees, east positive.
    #[schema(required = true)]
    pub longitude: Option<f64>,
    pub criticality: Criticality,
    /// Free key-value pairs as given at registration.
    #[schema(value_type = Object)]
    pub metadata: Box<RawValue>,
    pub status: DeviceStatus,
    /// When a scanner last reported the status.
    #[schema(required = true)]
    pub seen_at: Option<DateTime<Utc>>,
    pub retired: bool,
    pub registered_at: DateTime<Utc>,
    /// Who registered it: `user:<id>`, `key:<id>` or a part of the system.
    pub registered_by: String,
    pub last_changed_at: DateTime<Utc>,
}

#[derive(Debug, FromRow)]
struct Row {
    device_id: Uuid,
    version: i64,
    network: String,
    addresses: Vec<String>,
    mac: Option<String>,
    host_name: Option<String>,
    name: Option<String>,
    r#type: Option<String>,
    vendor: Option<String>,
    model: Option<String>,
    os: Option<String>,
    place: Option<String>,
    latitude_e6: Option<i32>,
    longitude_e6: Option<i32>,
    criticality: Criticality,
    metadata_json: String,
    status: DeviceStatus,
    seen_at: Option<DateTime<Utc>>,
    retired: bool,
    registered_at: DateTime<Utc>,
    registered_by: String,
    last_changed_at: DateTime<Utc>,
}

/// Where a page of devices ends.
pub type Key = (DateTime<Utc>, Uuid);

pub async fn page(
    tx: &mut TenantTx,
    moment: &Moment<'_>,
    pager: &Pager<'_>,
    ask: &Ask<Key>,
) -> Result<Page<Device>, Failure> {
    let mut query = select(tx.tenant());
    if let Some(after) = &ask.after {
        let (registered_at, device_id) = after.key;
        query.push(" AND (registered_at, device_id) < (").push_bind(registered_at);
        query.push(", ").push_bind(device_id).push(")");
    }
    query.push(" ORDER BY registered_at DESC, device_id DESC LIMIT ").push(ask.rows_to_fetch());
    let rows: Vec<Row> = query.build_query_as().fetch_all(tx.connection()).await?;
    let total = match moment.known_total(pager, ask).await {
        Some(total) => total,
        None => moment.keep_total(pager, exact_total(kept_total(tx).await?)).await,
    };
    pager
        .page(ask, rows, total, moment.is_degraded(), |row| (row.registered_at, row.device_id))
        .try_map(Device::try_from)
}

/// Nothing if it is not there or waits as parked.
pub async fn find(tx: &mut TenantTx, device: Uuid) -> Result<Option<Device>, Failure> {
    let mut query = select(tx.tenant());
    query.push(" AND device_id = ").push_bind(device);
    push_not_parked(&mut query, tx.tenant(), "devices", device);
    let row: Option<Row> = query.build_query_as().fetch_optional(tx.connection()).await?;
    row.map(Device::try_from).transpose()
}

fn select(tenant: Uuid) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "SELECT device_id, version, network, addresses, mac, host_name, name, type, vendor, model, os, place,
                latitude_e6, longitude_e6, criticality, metadata_json, status, seen_at, retired,
                registered_at, registered_by, last_changed_at
         FROM read.devices WHERE tenant_id = ",
    );
    query.push_bind(tenant);
    query
}

async fn kept_total(tx: &mut TenantTx) -> Result<Option<i64>, Failure> {
    let tenant = tx.tenant();
    let total = sqlx::query_scalar!(r#"SELECT total AS "total!" FROM read.device_totals WHERE tenant_id = $1"#, tenant)
        .fetch_optional(tx.connection())
        .await?;
    Ok(total)
}

impl TryFrom<Row> for Device {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        Ok(Self {
            id: row.device_id,
            version: row.version,
            network: row.network,
            addresses: row.addresses,
            mac: row.mac,
            host_name: row.host_name,
            name: row.name,
            kind: row.r#type,
            vendor: row.vendor,
            model: row.model,
            os: row.os,
            place: row.place,
            latitude: row.latitude_e6.map(degrees),
            longitude: row.longitude_e6.map(degrees),
            criticality: row.criticality,
            metadata: raw_json(row.metadata_json)?,
            status: row.status,
            seen_at: row.seen_at,
            retired: row.retired,
            registered_at: row.registered_at,
            registered_by: row.registered_by,
            last_changed_at: row.last_changed_at,
        })
    }
}

fn degrees(millionths: i32) -> f64 {
    f64::from(millionths) / 1e6
}
