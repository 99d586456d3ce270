//! Scanners' keys: names, public parts and whether they still open anything. It holds nothing that proves a key.

use chrono::{DateTime, Utc};
use domain::vocabulary::StreamKind;
use event_schemas::{Written, api_key};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::Event;
use crate::failure::Failure;
use crate::projection::Projection;
use crate::rows::{Impossible, Key, Keys, Row, afters, column, fold, growth, time};

#[derive(Debug)]
pub(crate) struct ApiKeys;

#[derive(Clone, Debug)]
struct ApiKeyRow {
    tenant_id: Uuid,
    api_key_id: Uuid,
    version: i64,
    name: String,
    public_id: String,
    status: String,
    issued_at: DateTime<Utc>,
    issued_by: String,
    expires_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    last_changed_at: DateTime<Utc>,
}

impl Projection for ApiKeys {
    const NAME: &'static str = "api_keys";

    fn reads(kind: StreamKind) -> bool {
        kind == StreamKind::ApiKey
    }

    async fn apply(events: &[&Event], transaction: &mut PgConnection) -> Result<(), Failure> {
        let changes = fold::<ApiKeyRow>(events, transaction).await?;
        if changes.is_empty() {
            return Ok(());
        }
        store(&afters(&changes), transaction).await?;
        let growth = growth(&changes);
        sqlx::query!(
            "INSERT INTO api_key_totals AS t (tenant_id, total) SELECT * FROM unnest($1::uuid[], $2::bigint[])
             ON CONFLICT (tenant_id) DO UPDATE SET total = t.total + excluded.total",
            &growth.tenants,
            &growth.counts
        )
        .execute(transaction)
        .await?;
        Ok(())
    }
}

impl Row for ApiKeyRow {
    async fn load(keys: &Keys, transaction: &mut PgConnection) -> Result<Vec<Self>, sqlx::Error> {
        sqlx::query_as!(
            Self,
            "SELECT a.tenant_id, a.api_key_id, version, name, public_id, status, issued_at, issued_by, expires_at, ended_at,
                    last_changed_at
             FROM unnest($1::uuid[], $2::uuid[]) AS k (tenant_id, api_key_id)
             JOIN api_keys a ON a.tenant_id = k.tenant_id AND a.api_key_id = k.api_key_id",
            &keys.tenants,
            &keys.streams
        )
        .fetch_all(transaction)
        .await
    }

    fn key(&self) -> Key {
        Key { tenant: self.tenant_id, stream: self.api_key_id }
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn evolve(row: Option<Self>, event: &Event) -> Result<Self, Impossible> {
        use api_key::Written as W;
        let Some(Written::ApiKey(written)) = event.written() else { return row.ok_or(Impossible("not a key's event")) };
        let mut row = match (row, written) {
            (None, W::Issued(issued)) => Self::issued(event, issued)?,
            (Some(row), W::Issued(_) | W::Revoked(_) | W::Expired(_)) => row,
            (None, W::Revoked(_) | W::Expired(_)) => return Err(Impossible("the key was never issued")),
        };
        match written {
            W::Issued(_) => {}
            W::Revoked(_) => row.end("revoked", event),
            W::Expired(_) => row.end("expired", event),
        }
        row.version = event.version;
        row.last_changed_at = event.recorded_at;
        Ok(row)
    }
}

impl ApiKeyRow {
    fn issued(event: &Event, issued: &api_key::v1::Issued) -> Result<Self, Impossible> {
        Ok(Self {
            tenant_id: event.tenant,
            api_key_id: event.stream,
            version: event.version,
            name: issued.name.clone(),
            public_id: issued.public_id.clone(),
            status: "active".to_owned(),
            issued_at: event.recorded_at,
            issued_by: event.actor(),
            expires_at: issued.expires_at.map(time).transpose()?,
            ended_at: None,
            last_changed_at: event.recorded_at,
        })
    }

    fn end(&mut self, status: &str, event: &Event) {
        status.clone_into(&mut self.status);
        self.ended_at = Some(event.recorded_at);
    }
}

async fn store(rows: &[ApiKeyRow], transaction: &mut PgConnection) -> Result<(), Failure> {
    sqlx::query!(
        "INSERT INTO api_keys (tenant_id, api_key_id, version, name, public_id, status, issued_at, issued_by, expires_at,
             ended_at, last_changed_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
             $8::text[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[])
         ON CONFLICT (tenant_id, api_key_id) DO UPDATE SET version = excluded.version, status = excluded.status,
             ended_at = excluded.ended_at, last_changed_at = excluded.last_changed_at",
        &column(rows, |row| row.tenant_id),
        &column(rows, |row| row.api_key_id),
        &column(rows, |row| row.version),
        &column(rows, |row| row.name.as_str()) as &[&str],
        &column(rows, |row| row.public_id.as_str()) as &[&str],
        &column(rows, |row| row.status.as_str()) as &[&str],
        &column(rows, |row| row.issued_at),
        &column(rows, |row| row.issued_by.as_str()) as &[&str],
        &column(rows, |row| row.expires_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.ended_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.last_changed_at),
    )
    .execute(transaction)
    .await?;
    Ok(())
}
