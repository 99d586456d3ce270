//! What operators decided about projections and how far it is. It belongs to no tenant, and is read through a function of
//! the owner's, for operators only.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::Failure,
    tenant_tx::Reader,
    vocabulary::{OperationKind, OperationState},
};

/// Something that is done to a projection.
#[derive(Debug, Serialize, ToSchema)]
pub struct Operation {
    pub id: Uuid,
    pub projection: String,
    pub kind: OperationKind,
    /// Null: the live one, or all there are.
    #[schema(required = true)]
    pub generation: Option<i32>,
    /// Of a rebuild: whether queries read the new generation once it is ready.
    pub switch: bool,
    /// Of a verification or a repair; null: drawn when it begins.
    #[schema(required = true)]
    pub first_partition: Option<i16>,
    #[schema(required = true)]
    pub last_partition: Option<i16>,
    /// Of a parked stream: its organization.
    #[schema(required = true)]
    pub tenant: Option<Uuid>,
    #[schema(required = true)]
    pub stream: Option<Uuid>,
    /// The event that is left out.
    #[schema(required = true)]
    pub event_id: Option<Uuid>,
    #[schema(required = true)]
    pub reason: Option<String>,
    /// The actor, or `schedule`.
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    pub state: OperationState,
    /// What is being done now, or was last.
    pub step: String,
    #[schema(minimum = 0)]
    pub events_done: i64,
    #[schema(minimum = 0)]
    pub events_total: i64,
    /// In this step so far.
    #[schema(required = true)]
    pub events_per_second: Option<f64>,
    /// To the end of this step, at that rate.
    #[schema(required = true)]
    pub seconds_left: Option<f64>,
    /// How it ended: a sentence.
    #[schema(required = true)]
    pub outcome: Option<String>,
    #[schema(required = true)]
    pub started_at: Option<DateTime<Utc>>,
    #[schema(required = true)]
    pub finished_at: Option<DateTime<Utc>>,
}

/// Which operations are asked for.
#[derive(Debug, Clone, Copy)]
enum Asked<'a> {
    One(Uuid),
    /// Those that wait or run, of all projections.
    Open,
    LastOf(&'a str, i32),
}

/// Far more than can wait at once.
const OPEN_MAX: i32 = 500;

pub async fn one(reader: &Reader, id: Uuid) -> Result<Option<Operation>, Failure> {
    Ok(find(reader, Asked::One(id)).await?.into_iter().next())
}

pub async fn open(reader: &Reader) -> Result<Vec<Operation>, Failure> {
    find(reader, Asked::Open).await
}

pub async fn last_of(reader: &Reader, projection: &str, most: i32) -> Result<Vec<Operation>, Failure> {
    find(reader, Asked::LastOf(projection, most)).await
}

async fn find(reader: &Reader, asked: Asked<'_>) -> Result<Vec<Operation>, Failure> {
    let (id, projection, open, most) = match asked {
        Asked::One(id) => (Some(id), None, false, 1),
        Asked::Open => (None, None, true, OPEN_MAX),
        Asked::LastOf(projection, most) => (None, Some(projection), false, most),
    };
    let operations = sqlx::query_as!(
        Operation,
        r#"SELECT operation_id AS "id!", projection AS "projection!", kind AS "kind!: OperationKind", generation,
                  switch_after AS "switch!", first_partition, last_partition, of_tenant AS tenant, stream_id AS stream,
                  skipped_event AS event_id, reason, requested_by AS "requested_by!", requested_at AS "requested_at!",
                  state AS "state!: OperationState", step AS "step!", events_done AS "events_done!",
                  events_total AS "events_total!", r.rate AS "events_per_second?",
                  CASE WHEN r.rate > 0 THEN greatest(events_total - events_done, 0) / r.rate END AS "seconds_left?",
                  outcome, started_at, finished_at
           FROM read.find_operations($1, $2, $3, $4) AS o
           CROSS JOIN LATERAL (SELECT CASE WHEN o.state = 'running' AND o.events_done > o.step_began_done
               THEN (o.events_done - o.step_began_done)::float8
                    / greatest(extract(epoch FROM clock_timestamp() - o.step_began_at)::float8, 0.001) END AS rate) AS r"#,
        id,
        projection,
        open,
        most
    )
    .fetch_all(reader.tenantless())
    .await?;
    Ok(operations)
}
