//! Organizations as operators and their own people see them.

use chrono::{DateTime, Utc};
use domain::vocabulary::StreamKind;
use event_schemas::{Written, organization};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::Event;
use crate::failure::Failure;
use crate::projection::Projection;
use crate::rows::{Impossible, Key, Keys, Row, afters, column, fold};

#[derive(Debug)]
pub(crate) struct Organizations;

#[derive(Clone, Debug)]
struct OrganizationRow {
    tenant_id: Uuid,
    version: i64,
    slug: String,
    name: String,
    plan: String,
    device_limit: i64,
    status: String,
    suspension_reason: Option<String>,
    founded_at: DateTime<Utc>,
    last_changed_at: DateTime<Utc>,
}

impl Projection for Organizations {
    const NAME: &'static str = "organizations";

    fn reads(kind: StreamKind) -> bool {
        kind == StreamKind::Organization
    }

    async fn apply(events: &[&Event], transaction: &mut PgConnection) -> Result<(), Failure> {
        let changes = fold::<OrganizationRow>(events, transaction).await?;
        store(&afters(&changes), transaction).await
    }
}

impl Row for OrganizationRow {
    async fn load(keys: &Keys, transaction: &mut PgConnection) -> Result<Vec<Self>, sqlx::Error> {
        sqlx::query_as!(
            Self,
            "SELECT tenant_id, version, slug, name, plan, device_limit, status, suspension_reason, founded_at, last_changed_at
             FROM organizations WHERE tenant_id = ANY ($1)",
            &keys.tenants
        )
        .fetch_all(transaction)
        .await
    }

    fn key(&self) -> Key {
        Key { tenant: self.tenant_id, stream: self.tenant_id }
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn evolve(row: Option<Self>, event: &Event) -> Result<Self, Impossible> {
        use organization::Written as W;
        let Some(Written::Organization(written)) = event.written() else {
            return row.ok_or(Impossible("not an organization's event"));
        };
        let mut row = match (row, written) {
            (None, W::Founded(founded)) => Self::founded(event, founded),
            (Some(row), W::Founded(_) | W::PlanChanged(_) | W::Suspended(_) | W::Resumed(_)) => row,
            (None, W::PlanChanged(_) | W::Suspended(_) | W::Resumed(_)) => {
                return Err(Impossible("the organization was never founded"));
            }
        };
        match written {
            W::Founded(_) => {}
            W::PlanChanged(changed) => {
                row.plan.clone_from(&changed.plan);
                row.device_limit = changed.device_limit.into();
            }
            W::Suspended(suspended) => {
                "suspended".clone_into(&mut row.status);
                row.suspension_reason.clone_from(&suspended.reason);
            }
            W::Resumed(_) => {
                "active".clone_into(&mut row.status);
                row.suspension_reason = None;
            }
        }
        row.version = event.version;
        row.last_changed_at = event.recorded_at;
        Ok(row)
    }
}

impl OrganizationRow {
    fn founded(event: &Event, founded: &organization::v1::Founded) -> Self {
        Self {
            tenant_id: event.tenant,
            version: event.version,
            slug: founded.slug.clone(),
            name: founded.name.clone(),
            plan: founded.plan.clone(),
            device_limit: founded.device_limit.into(),
            status: "active".to_owned(),
            suspension_reason: None,
            founded_at: event.recorded_at,
            last_changed_at: event.recorded_at,
        }
    }
}

async fn store(rows: &[OrganizationRow], transaction: &mut PgConnection) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO organizations
             (tenant_id, version, slug, name, plan, device_limit, status, suspension_reason, founded_at, last_changed_at)
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
             $9::timestamptz[], $10::timestamptz[])
         ON CONFLICT (tenant_id) DO UPDATE SET
             version = excluded.version, plan = excluded.plan, device_limit = excluded.device_limit, status = excluded.status,
             suspension_reason = excluded.suspension_reason, last_changed_at = excluded.last_changed_at",
        &column(rows, |row| row.tenant_id),
        &column(rows, |row| row.version),
        &column(rows, |row| row.slug.as_str()) as &[&str],
        &column(rows, |row| row.name.as_str()) as &[&str],
        &column(rows, |row| row.plan.as_str()) as &[&str],
        &column(rows, |row| row.device_limit),
        &column(rows, |row| row.status.as_str()) as &[&str],
        &column(rows, |row| row.suspension_reason.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.founded_at),
        &column(rows, |row| row.last_changed_at),
    )
    .execute(transaction)
    .await?;
    Ok(())
}
