//! How far a generation has read each partition. A transaction locks its rows first, in ascending order, and decides by
//! what they say: a process continued after a long stop must drop what another has applied meanwhile.

use std::collections::BTreeMap;

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::failure::Failure;
use crate::registry::Target;

/// What the locked row of a partition says, and what the log says of that partition at the same moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub epoch: i32,
    pub seq: i64,
    /// How many of the partition's streams are parked.
    pub parked_streams: i32,
    /// Whether operators have decided to leave out some event of the partition.
    pub skips: bool,
    pub log: Log,
}

/// Where a partition's log ends, and the epochs it went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    pub head: i64,
    pub epochs: Epochs,
}

/// Epoch and the first seq it took, in ascending order of epochs: a later one takes back what an earlier one has after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Epochs(pub Vec<(i32, i64)>);

/// A checkpoint that does not fit the log: continuing would apply other events under the same numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    pub projection: String,
    pub generation: i32,
    pub partition: i16,
    pub seq: i64,
    pub head: i64,
    /// A later epoch began at or before the checkpoint. Otherwise it lies beyond the end of the log.
    pub taken_back: bool,
}

/// Partition → last applied seq, for looking ahead only. The transaction asks again.
pub(crate) async fn positions(pool: &PgPool, target: Target) -> Result<BTreeMap<i16, i64>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT partition, seq FROM read.checkpoints WHERE projection = $1 AND generation = $2",
        target.name(),
        target.generation
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.partition, row.seq)).collect())
}

pub(crate) async fn lock(
    transaction: &mut PgConnection,
    target: Target,
    partitions: &[i16],
) -> Result<BTreeMap<i16, Checkpoint>, Failure> {
    let rows = sqlx::query!(
        r#"SELECT c.partition, c.epoch, c.seq, c.parked_streams, h.seq AS head,
                  EXISTS (SELECT FROM read.skips s WHERE s.projection = c.projection AND s.partition = c.partition) AS "skips!",
                  ARRAY (SELECT l.epoch FROM store.log_epochs l WHERE l.partition = c.partition ORDER BY l.epoch) AS "epochs!",
                  ARRAY (SELECT l.first_seq FROM store.log_epochs l WHERE l.partition = c.partition ORDER BY l.epoch) AS "firsts!"
           FROM read.checkpoints c JOIN store.partition_head h ON h.partition = c.partition
           WHERE c.projection = $1 AND c.generation = $2 AND c.partition = ANY ($3)
           ORDER BY c.partition FOR UPDATE OF c"#,
        target.name(),
        target.generation,
        partitions
    )
    .fetch_all(transaction)
    .await?;
    let mut checkpoints = BTreeMap::new();
    for row in rows {
        let epochs = Epochs(row.epochs.into_iter().zip(row.firsts).collect());
        if epochs.took_back(row.epoch, row.seq) {
            return Err(Failure::TakenBack { partition: row.partition, epoch: row.epoch, seq: row.seq });
        }
        let log = Log { head: row.head, epochs };
        let (epoch, seq, parked_streams, skips) = (row.epoch, row.seq, row.parked_streams, row.skips);
        let checkpoint = Checkpoint { epoch, seq, parked_streams, skips, log };
        checkpoints.insert(row.partition, checkpoint);
    }
    if checkpoints.len() < partitions.len() { Err(Failure::Gone) } else { Ok(checkpoints) }
}

/// Checkpoints, and with them the last event of each tenant that this generation has taken into account.
pub(crate) async fn advance(
    transaction: &mut PgConnection,
    target: Target,
    to: &BTreeMap<i16, Checkpoint>,
    tenants: &BTreeMap<Uuid, i64>,
) -> Result<(), Failure> {
    let partitions: Vec<i16> = to.keys().copied().collect();
    let epochs: Vec<i32> = to.values().map(|checkpoint| checkpoint.epoch).collect();
    let seqs: Vec<i64> = to.values().map(|checkpoint| checkpoint.seq).collect();
    let parked: Vec<i32> = to.values().map(|checkpoint| checkpoint.parked_streams).collect();
    let (tenants, last): (Vec<Uuid>, Vec<i64>) = tenants.iter().unzip();
    sqlx::query!(
        "WITH tenants AS (
             INSERT INTO read.tenant_seqs (projection, generation, tenant_id, seq)
             SELECT $1, $2, t.* FROM unnest($7::uuid[], $8::bigint[]) AS t
             ON CONFLICT (tenant_id, projection, generation) DO UPDATE SET seq = excluded.seq)
         UPDATE read.checkpoints c
         SET epoch = w.epoch, seq = w.seq, parked_streams = w.parked, applied_at = clock_timestamp()
         FROM unnest($3::smallint[], $4::integer[], $5::bigint[], $6::integer[]) AS w (partition, epoch, seq, parked)
         WHERE c.projection = $1 AND c.generation = $2 AND c.partition = w.partition",
        target.name(),
        target.generation,
        &partitions,
        &epochs,
        &seqs,
        &parked,
        &tenants,
        &last
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
        r#"SELECT c.projection, c.generation, c.partition, c.seq, h.seq AS head, t.taken_back AS "taken_back!"
           FROM read.checkpoints c JOIN store.partition_head h ON h.partition = c.partition
           CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM store.log_epochs l
               WHERE l.partition = c.partition AND l.epoch > c.epoch AND l.first_seq <= c.seq) AS taken_back) AS t
           WHERE c.seq > h.seq OR t.taken_back
           ORDER BY c.projection, c.generation, c.partition"#
    )
    .fetch_all(pool)
    .await
}

impl Epochs {
    /// Whose event the log has at this seq.
    pub(crate) fn at(&self, seq: i64) -> Option<i32> {
        self.0.iter().rev().find(|(_, first)| *first <= seq).map(|(epoch, _)| *epoch)
    }

    pub(crate) fn took_back(&self, epoch: i32, seq: i64) -> bool {
        self.0.iter().any(|(later, first)| *later > epoch && *first <= seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_epoch_takes_back_what_an_earlier_one_has_after_its_beginning() {
        let epochs = Epochs(vec![(1, 1), (2, 100), (3, 50)]);
        assert_eq!([1, 49, 50, 99, 100].map(|seq| epochs.at(seq)), [Some(1), Some(1), Some(3), Some(3), Some(3)]);
        assert!(epochs.took_back(1, 50) && epochs.took_back(2, 100) && !epochs.took_back(1, 49));
        assert!(!epochs.took_back(3, 1_000));
    }
}
