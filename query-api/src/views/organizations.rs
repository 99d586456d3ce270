//! Organizations: one's own, and for the operator all of them by slug.
//!
//! The operator's list is the one read across tenants. It goes through functions of the owner, because no policy
//! lets the reader see two tenants at once.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::Failure,
    page::{Ask, Page, Pager, TOTAL_EXACT_MAX_ROWS, Total},
    tenant_tx::{Reader, TenantTx},
    vocabulary::{OrganizationStatus, Plan},
};

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
pub struct Organization {
    pub id: Uuid,
    /// The stream's version, for `If-Match`.
    pub version: i64,
    pub slug: String,
    pub name: String,
    pub plan: Plan,
    /// How many devices may be registered and not retired.
    pub device_limit: i64,
    pub status: OrganizationStatus,
    #[schema(required = true)]
    pub suspension_reason: Option<String>,
    pub founded_at: DateTime<Utc>,
    pub last_changed_at: DateTime<Utc>,
}

/// The slug of the last organization on the page.
pub type Key = String;

pub async fn own(tx: &mut TenantTx) -> Result<Option<Organization>, Failure> {
    let tenant = tx.tenant();
    let organization = sqlx::query_as!(
        Organization,
        r#"SELECT tenant_id AS "id!", version AS "version!", slug AS "slug!", name AS "name!", plan AS "plan!: Plan",
                  device_limit AS "device_limit!", status AS "status!: OrganizationStatus", suspension_reason,
                  founded_at AS "founded_at!", last_changed_at AS "last_changed_at!"
           FROM read.organizations WHERE tenant_id = $1"#,
        tenant
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(organization)
}

/// For operators only: the route's parameter says so.
pub async fn page_of_all(reader: &Reader, pager: &Pager<'_>, ask: &Ask<Key>) -> Result<Page<Organization>, Failure> {
    let after = ask.after.as_ref().map(|after| after.key.as_str());
    let rows_to_fetch = i32::try_from(ask.rows_to_fetch()).unwrap_or(i32::MAX);
    let rows = sqlx::query_as!(
        Organization,
        r#"SELECT tenant_id AS "id!", version AS "version!", slug AS "slug!", name AS "name!", plan AS "plan!: Plan",
                  device_limit AS "device_limit!", status AS "status!: OrganizationStatus", suspension_reason,
                  founded_at AS "founded_at!", last_changed_at AS "last_changed_at!"
           FROM read.list_organizations($1, $2)"#,
        after,
        rows_to_fetch
    )
    .fetch_all(reader.tenantless())
    .await?;
    let total = match ask.known_total() {
        Some(total) => total,
        None => count_all(reader).await?,
    };
    // Which streams are parked is each tenant's own matter, which the reader cannot see across tenants.
    Ok(pager.page(ask, rows, total, false, |row| row.slug.clone()))
}

async fn count_all(reader: &Reader) -> Result<Total, Failure> {
    let bound = i32::try_from(TOTAL_EXACT_MAX_ROWS + 1).unwrap_or(i32::MAX);
    let count = sqlx::query_scalar!(r#"SELECT read.count_organizations($1) AS "count!""#, bound)
        .fetch_one(reader.tenantless())
        .await?;
    Ok(Total::from_bounded_count(count))
}
