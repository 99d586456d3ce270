//! How far a projection has read each partition. A transaction locks its rows first, in ascending order, and decides by
//! what they say: a process continued after a long stop must drop what another has applied meanwhile.

use std::collections::BTreeMap;

use sqlx::{PgConnection, PgPool};

use crate::failure::Failure;

/// The generation that this version of the projections fills.
pub(crate) const GENERATION: i32 = 1;

/// What the locked row of a partition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub seq: i64,
    /// How many of the partition's streams are parked.
    pub parked_streams: i32,
}

/// A checkpoint that does not fit the log: continuing would apply other events under the same numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    pub projection: String,
    pub partition: i16,
    pub seq: i64,
    pub head: i64,
}

/// Partition → last applied seq, for looking ahead only. The transaction asks again.
pub(crate) async fn positions(pool: &PgPool, projection: &str) -> Result<BTreeMap<i16, i64>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT partition, seq FROM read.checkpoints WHERE projection = $1 AND generation = $2",
        projection,
        GENERATION
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.partition, row.seq)).collect())
}

pub(crate) async fn lock(
    transaction: &mut PgConnection,
    projection: &str,
    partitions: &[i16],
) -> Result<BTreeMap<i16, Checkpoint>, Failure> {
    let rows = sqlx::query!(
        r#"SELECT c.partition, c.epoch, c.seq, c.parked_streams,
                  EXISTS (SELECT FROM store.log_epochs l
                          WHERE l.partition = c.partition AND l.epoch > c.epoch AND l.first_seq <= c.seq) AS "taken_back!"
           FROM read.checkpoints c
           WHERE c.projection = $1 AND c.generation = $2 AND c.partition = ANY ($3)
           ORDER BY c.partition FOR UPDATE OF c"#,
        projection,
        GENERATION,
        partitions
    )
    .fetch_all(transaction)
    .await?;
    if let Some(row) = rows.iter().find(|row| row.taken_back) {
        return Err(Failure::TakenBack { partition: row.partition, epoch: row.epoch, seq: row.seq });
    }
    let checkpoint = |seq, parked_streams| Checkpoint { seq, parked_streams };
    Ok(rows.into_iter().map(|row| (row.partition, checkpoint(row.seq, row.parked_streams))).collect())
}

/// The epoch is the log's at that seq, read in the same statement.
pub(crate) async fn advance(
    transaction: &mut PgConnection,
    projection: &str,
    to: &BTreeMap<i16, Checkpoint>,
) -> Result<(), Failure> {
    let partitions: Vec<i16> = to.keys().copied().collect();
    let seqs: Vec<i64> = to.values().map(|checkpoint| checkpoint.seq).collect();
    let parked: Vec<i32> = to.values().map(|checkpoint| checkpoint.parked_streams).collect();
    sqlx::query!(
        "UPDATE read.checkpoints c
         SET seq = w.seq, parked_streams = w.parked, applied_at = clock_timestamp(),
             epoch = coalesce((SELECT max(l.epoch) FROM store.log_epochs l
                               WHERE l.partition = w.partition AND l.first_seq <= w.seq), c.epoch)
         FROM unnest($3::smallint[], $4::bigint[], $5::integer[]) AS w (partition, seq, parked)
         WHERE c.projection = $1 AND c.generation = $2 AND c.partition = w.partition",
        projection,
        GENERATION,
        &partitions,
        &seqs,
        &parked
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Checkpoints ahead of the log, or of an epoch that the log has left. One snapshot sees a checkpoint only together with
/// the head it was read from, so whatever this finds is a restore and not a race.
pub(crate) async fn misfits(pool: &PgPool) -> Result<Vec<Misfit>, sqlx::Error> {
    sqlx::query_as!(
        Misfit,
        r#"SELECT c.projection, c.partition, c.seq, h.seq AS head
           FROM read.checkpoints c JOIN store.partition_head h USING (partition)
           WHERE c.generation = $1
             AND (c.seq > h.seq OR EXISTS (SELECT FROM store.log_epochs l
                  WHERE l.partition = c.partition AND l.epoch > c.epoch AND l.first_seq <= c.seq))
           ORDER BY c.projection, c.partition"#,
        GENERATION
    )
    .fetch_all(pool)
    .await
}
