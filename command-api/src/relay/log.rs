//! The log as the relay reads it: where it ends, which epochs it has, and the events of ranges that are known to exist.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_schemas::topic::Record;
use sqlx::PgConnection;
use uuid::Uuid;

use super::lanes::Range;

/// The first seq of every epoch, by partition, oldest epoch first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Epochs(BTreeMap<i16, Vec<(i32, i64)>>);

/// The end of the log at one moment.
pub(super) struct Heads {
    pub seqs: BTreeMap<i16, i64>,
    pub epoch: i32,
    /// Another one means another life of Postgres, perhaps on older data.
    pub started_at: DateTime<Utc>,
}

impl Epochs {
    pub(super) async fn read(connection: &mut PgConnection) -> sqlx::Result<Self> {
        let rows = sqlx::query!("SELECT partition, epoch, first_seq FROM store.log_epochs ORDER BY partition, epoch")
            .fetch_all(connection)
            .await?;
        Ok(Self::from_rows(rows.into_iter().map(|row| (row.partition, row.epoch, row.first_seq))))
    }

    pub(super) fn from_rows(rows: impl IntoIterator<Item = (i16, i32, i64)>) -> Self {
        let mut epochs: BTreeMap<i16, Vec<(i32, i64)>> = BTreeMap::new();
        for (partition, epoch, first_seq) in rows {
            epochs.entry(partition).or_default().push((epoch, first_seq));
        }
        Self(epochs)
    }

    /// The one that an event of the log belongs to.
    pub(super) fn at(&self, partition: i16, seq: i64) -> i32 {
        let begun = self.of(partition).filter(|(_, first_seq)| *first_seq <= seq);
        begun.map(|(epoch, _)| epoch).max().unwrap_or(1)
    }

    /// Whether a position from outside still means what it meant: no later epoch began at or before it.
    pub(super) fn is_valid(&self, partition: i16, epoch: i32, seq: i64) -> bool {
        !self.of(partition).any(|(later, first_seq)| later > epoch && first_seq <= seq)
    }

    pub(super) fn newest(&self) -> i32 {
        self.0.values().flatten().map(|(epoch, _)| *epoch).max().unwrap_or(1)
    }

    fn of(&self, partition: i16) -> impl Iterator<Item = (i32, i64)> {
        self.0.get(&partition).into_iter().flatten().copied()
    }
}

pub(super) async fn heads(connection: &mut PgConnection) -> sqlx::Result<Heads> {
    let rows = sqlx::query!(
        r#"SELECT partition, seq, pg_postmaster_start_time() AS "started_at!",
                  (SELECT max(epoch) FROM store.log_epochs WHERE partition = 0) AS "epoch!"
           FROM store.partition_head"#
    )
    .fetch_all(connection)
    .await?;
    let first = rows.first();
    Ok(Heads {
        epoch: first.map_or(1, |row| row.epoch),
        started_at: first.map_or(DateTime::UNIX_EPOCH, |row| row.started_at),
        seqs: rows.iter().map(|row| (row.partition, row.seq)).collect(),
    })
}

/// The events of the ranges, by partition and seq.
pub(super) async fn read(
    connection: &mut PgConnection,
    epochs: &Epochs,
    ranges: &[Range],
) -> sqlx::Result<Vec<Record>> {
    let partitions: Vec<i16> = ranges.iter().map(|range| range.partition).collect();
    let after: Vec<i64> = ranges.iter().map(|range| range.after).collect();
    let upto: Vec<i64> = ranges.iter().map(|range| range.upto).collect();
    let rows = sqlx::query!(
        r#"SELECT e.partition, e.seq, e.tenant_id, e.stream_id, e.stream_version, e.event_id, e.type AS type_name,
                  e.schema_version, e.recorded_at, e.header, e.body, e.meta
           FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS r (partition, after, upto)
           CROSS JOIN LATERAL (SELECT * FROM store.events s
               WHERE s.partition = r.partition AND s.seq > r.after AND s.seq <= r.upto
               ORDER BY s.seq OFFSET 0) AS e"#,
        &partitions,
        &after,
        &upto
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Record {
            epoch: epochs.at(row.partition, row.seq),
            partition: row.partition,
            seq: row.seq,
            tenant: row.tenant_id,
            stream: row.stream_id,
            stream_version: row.stream_version,
            event_id: row.event_id,
            type_name: row.type_name,
            schema_version: row.schema_version,
            recorded_at: row.recorded_at.timestamp_micros(),
            header: row.header,
            body: row.body,
            meta: row.meta,
        })
        .collect())
}

/// The ids of single events, by partition, where there is an event.
pub(super) async fn event_ids(
    connection: &mut PgConnection,
    places: &[(i16, i64)],
) -> sqlx::Result<BTreeMap<i16, Uuid>> {
    let (partitions, seqs): (Vec<i16>, Vec<i64>) = places.iter().copied().unzip();
    let rows = sqlx::query!(
        "SELECT e.partition, e.event_id FROM unnest($1::smallint[], $2::bigint[]) AS w (partition, seq)
         JOIN store.events e ON e.partition = w.partition AND e.seq = w.seq",
        &partitions,
        &seqs,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.partition, row.event_id)).collect())
}

/// When the oldest of these events was recorded, by seconds ago.
pub(super) async fn oldest_age_seconds(connection: &mut PgConnection, places: &[(i16, i64)]) -> sqlx::Result<f64> {
    let (partitions, seqs): (Vec<i16>, Vec<i64>) = places.iter().copied().unzip();
    sqlx::query_scalar!(
        r#"SELECT coalesce(extract(epoch FROM clock_timestamp() - min(e.recorded_at)), 0)::float8 AS "age!"
           FROM unnest($1::smallint[], $2::bigint[]) AS w (partition, seq)
           JOIN store.events e ON e.partition = w.partition AND e.seq = w.seq"#,
        &partitions,
        &seqs,
    )
    .fetch_one(connection)
    .await
}
