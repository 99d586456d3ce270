//! What operators decided about projections, as operations that wait to be carried out. Pausing needs nobody to carry it
//! out: it is in force when it is written down.
//!
//! Its tables are no generation's, since they hold what no log has: outcomes. Taking an event in again changes nothing.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::vocabulary::{ProjectionName, StreamKind};
use event_schemas::{Written, projection};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::{Event, Fault};
use crate::failure::Failure;
use crate::projection::Projection;
use crate::rows::column;

#[derive(Debug)]
pub(crate) struct Operations;

/// One decision as a row.
#[derive(Debug)]
struct Asked {
    id: Uuid,
    decision: Uuid,
    projection: String,
    what: What,
    by: String,
    at: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct What {
    kind: &'static str,
    generation: Option<i32>,
    switch_after: bool,
    first_partition: Option<i16>,
    last_partition: Option<i16>,
    of_tenant: Option<Uuid>,
    stream: Option<Uuid>,
    skipped_event: Option<Uuid>,
    reason: Option<String>,
}

impl Projection for Operations {
    const NAME: &'static str = "operations";

    fn reads(kind: StreamKind) -> bool {
        kind == StreamKind::Projection
    }

    async fn apply(events: &[&Event], transaction: &mut PgConnection) -> Result<(), Failure> {
        let mut asked = vec![];
        for event in events {
            let Some(Written::Projection(written)) = event.written() else { continue };
            asked.push(Asked::of(event, written)?);
        }
        if asked.is_empty() {
            return Ok(());
        }
        store(&asked, transaction).await?;
        rest(&asked, transaction).await
    }
}

impl Asked {
    fn of(event: &Event, written: &projection::Written) -> Result<Self, Failure> {
        let (projection, what) = What::of(written);
        let name = ProjectionName::parse(&projection).map_err(|_| {
            Failure::Guilty(event.place, Fault("a projection that this program does not know".to_owned()))
        })?;
        let id = name.operation(event.version);
        Ok(Self { id, decision: event.id, projection, what, by: event.actor(), at: event.recorded_at })
    }

    /// What is in force once it is written down.
    fn is_done(&self) -> bool {
        matches!(self.what.kind, PAUSE | RESUME)
    }
}

const PAUSE: &str = "pause";
const RESUME: &str = "resume";

impl What {
    fn of(written: &projection::Written) -> (String, Self) {
        use projection::Written as W;
        let number = |number: u32| i32::try_from(number).ok();
        let partition = |number: u32| i16::try_from(number).ok();
        let (name, kind, what) = match written {
            W::RebuildRequested(event) => {
                let (generation, switch_after) = (number(event.generation), event.switch);
                (&event.projection, "rebuild", Self { generation, switch_after, ..Self::default() })
            }
            W::SwitchRequested(event) => {
                (&event.projection, "switch", Self { generation: number(event.generation), ..Self::default() })
            }
            W::RetireRequested(event) => {
                (&event.projection, "retire", Self { generation: number(event.generation), ..Self::default() })
            }
            W::Paused(event) => {
                (&event.projection, PAUSE, Self { generation: event.generation.and_then(number), ..Self::default() })
            }
            W::Resumed(event) => {
                (&event.projection, RESUME, Self { generation: event.generation.and_then(number), ..Self::default() })
            }
            W::VerifyRequested(event) => {
                let first_partition = event.partitions.and_then(|range| partition(range.first));
                let last_partition = event.partitions.and_then(|range| partition(range.last));
                (&event.projection, "verify", Self { first_partition, last_partition, ..Self::default() })
            }
            W::RepairRequested(event) => {
                let (first_partition, last_partition) = (partition(event.partition), partition(event.partition));
                (&event.projection, "repair", Self { first_partition, last_partition, ..Self::default() })
            }
            W::StreamRetried(event) => {
                let (of_tenant, stream) = (Some(event.tenant), Some(event.stream));
                let generation = event.generation.and_then(number);
                (&event.projection, "retry", Self { generation, of_tenant, stream, ..Self::default() })
            }
            W::EventSkipped(event) => {
                let (of_tenant, stream) = (Some(event.tenant), Some(event.stream));
                let (skipped_event, reason) = (Some(event.event), Some(event.reason.clone()));
                (&event.projection, "skip", Self { of_tenant, stream, skipped_event, reason, ..Self::default() })
            }
        };
        (name.clone(), Self { kind, ..what })
    }
}

/// A row whose decision is another one was left by a log that a restore took back.
async fn store(asked: &[Asked], transaction: &mut PgConnection) -> Result<(), Failure> {
    let state = |asked: &Asked| if asked.is_done() { "done" } else { "requested" };
    let finished = |asked: &Asked| asked.is_done().then_some(asked.at);
    sqlx::query!(
        "INSERT INTO read.operations AS o (operation_id, decision, projection, kind, generation, switch_after, first_partition,
             last_partition, of_tenant, stream_id, skipped_event, reason, requested_by, requested_at, state, finished_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::integer[], $6::boolean[], $7::smallint[],
             $8::smallint[], $9::uuid[], $10::uuid[], $11::uuid[], $12::text[], $13::text[], $14::timestamptz[], $15::text[],
             $16::timestamptz[])
         ON CONFLICT (operation_id) DO UPDATE SET
             decision = excluded.decision, kind = excluded.kind, generation = excluded.generation,
             switch_after = excluded.switch_after, first_partition = excluded.first_partition,
             last_partition = excluded.last_partition, of_tenant = excluded.of_tenant, stream_id = excluded.stream_id,
             skipped_event = excluded.skipped_event, reason = excluded.reason, requested_by = excluded.requested_by,
             requested_at = excluded.requested_at, state = excluded.state, finished_at = excluded.finished_at,
             step = '', outcome = NULL, events_done = 0, events_total = 0, started_at = NULL, claimed_until = NULL
         WHERE o.decision <> excluded.decision",
        &column(asked, |asked| asked.id),
        &column(asked, |asked| asked.decision),
        &column(asked, |asked| asked.projection.as_str()) as &[&str],
        &column(asked, |asked| asked.what.kind) as &[&str],
        &column(asked, |asked| asked.what.generation) as &[Option<i32>],
        &column(asked, |asked| asked.what.switch_after),
        &column(asked, |asked| asked.what.first_partition) as &[Option<i16>],
        &column(asked, |asked| asked.what.last_partition) as &[Option<i16>],
        &column(asked, |asked| asked.what.of_tenant) as &[Option<Uuid>],
        &column(asked, |asked| asked.what.stream) as &[Option<Uuid>],
        &column(asked, |asked| asked.what.skipped_event) as &[Option<Uuid>],
        &column(asked, |asked| asked.what.reason.as_deref()) as &[Option<&str>],
        &column(asked, |asked| asked.by.as_str()) as &[&str],
        &column(asked, |asked| asked.at),
        &column(asked, state) as &[&str],
        &column(asked, finished) as &[Option<DateTime<Utc>>],
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// What a rebuild rests for its indexes goes on when they are there, and not before.
async fn rest(asked: &[Asked], transaction: &mut PgConnection) -> Result<(), Failure> {
    let named: BTreeSet<&str> =
        asked.iter().filter(|asked| asked.is_done()).map(|asked| asked.projection.as_str()).collect();
    if named.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = named.into_iter().collect();
    sqlx::query!(
        "UPDATE read.generations g SET paused = read.is_to_rest(g.projection, g.generation)
         WHERE g.projection = ANY ($1) AND g.state IN ('filling', 'ready', 'live', 'standby')
           AND NOT EXISTS (SELECT FROM read.operations o WHERE o.projection = g.projection AND o.generation = g.generation
                           AND o.kind = 'rebuild' AND o.state = 'running' AND o.step = 'indexing')",
        &named as &[&str]
    )
    .execute(transaction)
    .await?;
    Ok(())
}
