//! Streams that wait because one of their events could not be applied, and the events that wait with them. Parking is
//! per generation and per stream: what it spares is every other stream.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::{Event, Place};
use crate::failure::Failure;
use crate::registry::Target;
use crate::rows::column;

/// Stream → the stream that holds the guilty event.
pub(crate) type ParkedStreams = HashMap<Uuid, Uuid>;

/// A stream to park from this event on.
#[derive(Debug)]
pub(crate) struct NewlyParked<'a> {
    pub event: &'a Event,
    pub because_of: Uuid,
    pub reason: String,
}

/// Those of the partitions; asked only when a locked checkpoint says that there are any.
pub(crate) async fn streams_in(
    transaction: &mut PgConnection,
    target: Target,
    partitions: &[i16],
) -> Result<ParkedStreams, Failure> {
    let rows = sqlx::query!(
        "SELECT stream_id, because_of FROM read.parked_streams
         WHERE projection = $1 AND generation = $2 AND partition = ANY ($3)",
        target.name(),
        target.generation,
        partitions
    )
    .fetch_all(transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (row.stream_id, row.because_of)).collect())
}

/// Events of the partitions that operators have decided to leave out.
pub(crate) async fn skipped(
    transaction: &mut PgConnection,
    target: Target,
    partitions: &[i16],
) -> Result<HashSet<Uuid>, Failure> {
    let rows = sqlx::query!(
        "SELECT event_id FROM read.skips WHERE projection = $1 AND partition = ANY ($2)",
        target.name(),
        partitions
    )
    .fetch_all(transaction)
    .await?;
    Ok(rows.into_iter().map(|row| row.event_id).collect())
}

pub(crate) async fn park_streams(
    transaction: &mut PgConnection,
    target: Target,
    parked: &[NewlyParked<'_>],
) -> Result<(), Failure> {
    let kind = |parked: &NewlyParked<'_>| parked.event.kind.map_or("unknown", |kind| kind.as_str()).to_owned();
    sqlx::query!(
        "INSERT INTO read.parked_streams (projection, generation, tenant_id, stream_id, kind, partition, first_seq, because_of, reason)
         SELECT $1, $2, p.* FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::smallint[], $7::bigint[], $8::uuid[], $9::text[]) AS p",
        target.name(),
        target.generation,
        &column(parked, |parked| parked.event.tenant),
        &column(parked, |parked| parked.event.stream),
        &column(parked, kind),
        &column(parked, |parked| parked.event.place.partition),
        &column(parked, |parked| parked.event.place.seq),
        &column(parked, |parked| parked.because_of),
        &column(parked, |parked| parked.reason.clone()),
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// In order, by their place in the log, which keeps the events themselves.
pub(crate) async fn park_events(
    transaction: &mut PgConnection,
    target: Target,
    events: &[&Event],
) -> Result<(), Failure> {
    sqlx::query!(
        "INSERT INTO read.parked_events (projection, generation, tenant_id, stream_id, partition, seq, event_id, type)
         SELECT $1, $2, p.* FROM unnest($3::uuid[], $4::uuid[], $5::smallint[], $6::bigint[], $7::uuid[], $8::text[]) AS p",
        target.name(),
        target.generation,
        &column(events, |event| event.tenant),
        &column(events, |event| event.stream),
        &column(events, |event| event.place.partition),
        &column(events, |event| event.place.seq),
        &column(events, |event| event.id),
        &column(events, |event| event.type_name.clone()),
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// The first events of streams, by partition and stream: what says which stream they hang below.
pub(crate) async fn first_events(
    transaction: &mut PgConnection,
    streams: &[(i16, Uuid)],
) -> Result<Vec<Event>, Failure> {
    let rows = sqlx::query_as!(
        crate::event::StoredEvent,
        r#"SELECT e.partition, e.seq, e.tenant_id, e.stream_id, e.stream_version, e.event_id, e.type AS type_name,
                  e.schema_version, e.recorded_at, e.header, e.body, e.meta,
                  (SELECT max(l.epoch) FROM store.log_epochs l WHERE l.partition = e.partition AND l.first_seq <= e.seq) AS "epoch!"
           FROM unnest($1::smallint[], $2::uuid[]) AS s (partition, stream_id)
           JOIN store.events e ON e.partition = s.partition AND e.stream_id = s.stream_id AND e.stream_version = 1"#,
        &column(streams, |(partition, _)| *partition),
        &column(streams, |(_, stream)| *stream),
    )
    .fetch_all(transaction)
    .await?;
    Ok(rows.into_iter().map(Event::from).collect())
}

/// How many streams wait, for the metrics.
pub(crate) async fn count(pool: &sqlx::PgPool, target: Target) -> Result<i64, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "streams!" FROM read.parked_streams WHERE projection = $1 AND generation = $2"#,
        target.name(),
        target.generation
    )
    .fetch_one(pool)
    .await?;
    Ok(row.streams)
}

/// Events found guilty by an attempt that was rolled back, and why.
pub(crate) type Verdicts = HashMap<Place, String>;
