//! Parked streams of all tenants, which only operators see: ids and reasons, no value of a tenant.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::Failure,
    page::{Ask, Page, Pager, TOTAL_EXACT_MAX_ROWS, Total},
    tenant_tx::Reader,
};

/// A stream that waits because an event of it, or of the one it hangs below, cannot be applied.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParkedStream {
    pub generation: i32,
    /// The organization it is of.
    pub tenant: Uuid,
    pub stream: Uuid,
    pub kind: String,
    pub partition: i16,
    pub first_seq: i64,
    /// The first event that waits: what `skip` leaves out.
    #[schema(required = true)]
    pub first_event: Option<Uuid>,
    /// The stream that holds the guilty event: itself, or the one it hangs below.
    pub because_of: Uuid,
    pub reason: String,
    pub parked_at: DateTime<Utc>,
    /// Counted to 10,000 at most.
    #[schema(minimum = 0)]
    pub waiting_events: i64,
}

/// The last stream on the page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Key {
    generation: i32,
    tenant: Uuid,
    stream: Uuid,
}

pub async fn page(
    reader: &Reader,
    projection: &str,
    pager: &Pager<'_>,
    ask: &Ask<Key>,
) -> Result<Page<ParkedStream>, Failure> {
    let after = ask.after.as_ref().map(|after| &after.key);
    let rows_to_fetch = i32::try_from(ask.rows_to_fetch()).unwrap_or(i32::MAX);
    let rows = sqlx::query_as!(
        ParkedStream,
        r#"SELECT generation AS "generation!", tenant AS "tenant!", stream_id AS "stream!", kind AS "kind!",
                  partition AS "partition!", first_seq AS "first_seq!", first_event, because_of AS "because_of!",
                  reason AS "reason!", parked_at AS "parked_at!", waiting AS "waiting_events!"
           FROM read.list_parked($1, $2, $3, $4, $5)"#,
        projection,
        after.map(|key| key.generation),
        after.map(|key| key.tenant),
        after.map(|key| key.stream),
        rows_to_fetch
    )
    .fetch_all(reader.tenantless())
    .await?;
    let total = match ask.known_total() {
        Some(total) => total,
        None => count(reader, projection).await?,
    };
    let key = |row: &ParkedStream| Key { generation: row.generation, tenant: row.tenant, stream: row.stream };
    Ok(pager.page(ask, rows, total, false, key))
}

async fn count(reader: &Reader, projection: &str) -> Result<Total, Failure> {
    let bound = i32::try_from(TOTAL_EXACT_MAX_ROWS + 1).unwrap_or(i32::MAX);
    let count = sqlx::query_scalar!(r#"SELECT read.count_parked($1, $2) AS "count!""#, projection, bound)
        .fetch_one(reader.tenantless())
        .await?;
    Ok(Total::from_bounded_count(count))
}
