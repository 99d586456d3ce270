//! How far a generation has read each partition. A transaction locks its rows first, in ascending order, and decides by
//! what they say: a process continued after a long stop must drop what another has applied meanwhile.

use std::collections::BTreeMap;

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::failure::Failure;
use crate::registry::Target;
use crate::rows::column;

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

/// Seqs of one partition that follow each other, all of one epoch, and of which the projection reads none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    pub partition: i16,
    pub first: i64,
    pub last: i64,
    pub epoch: i32,
}

/// Moves checkpoints past what there is nothing to do about: by the same rules as a transaction's, in one statement, which
/// is most of what a projection of rare events does all day. False where one does not fit: a transaction has to look.
pub(crate) async fn pass_by(pool: &PgPool, target: Target, unread: &[Unread]) -> Result<bool, sqlx::Error> {
    let (partitions, firsts) = (column(unread, |it| it.partition), column(unread, |it| it.first));
    let (lasts, epochs) = (column(unread, |it| it.last), column(unread, |it| it.epoch));
    let passed = sqlx::query!(
        "WITH locked AS MATERIALIZED (
             -- Ascending, as everybody. What is lost in a crash is done again: the commit does not wait for the disk.
             SELECT c.partition, c.epoch, c.seq, set_config('synchronous_commit', 'off', true) FROM read.checkpoints c
             WHERE c.projection = $1 AND c.generation = $2 AND c.partition = ANY ($3)
             ORDER BY c.partition FOR UPDATE)
         UPDATE read.checkpoints c SET epoch = w.epoch, seq = w.last, applied_at = clock_timestamp()
         FROM unnest($3::smallint[], $4::bigint[], $5::bigint[], $6::integer[]) AS w (partition, first, last, epoch)
         JOIN locked k ON k.partition = w.partition
         JOIN store.partition_head h ON h.partition = w.partition
         WHERE c.projection = $1 AND c.generation = $2 AND c.partition = w.partition
           AND k.seq = w.first - 1 AND w.last <= h.seq
           AND w.epoch = (SELECT max(l.epoch) FROM store.log_epochs l WHERE l.partition = w.partition AND l.first_seq <= w.first)
           AND w.epoch = (SELECT max(l.epoch) FROM store.log_epochs l WHERE l.partition = w.partition AND l.first_seq <= w.last)
           AND NOT EXISTS (SELECT FROM store.log_epochs l
                           WHERE l.partition = w.partition AND l.epoch > k.epoch AND l.first_seq <= k.seq)",
        target.name(),
        target.generation,
        &partitions,
        &firsts,
        &lasts,
        &epochs
    )
    .execute(pool)
    .await?;
    Ok(passed.rows_affected() == unread.len() as u64)
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

    /// Whether the log has, or will have, an event of a later epoch at this seq. False of an epoch that is not known yet.
    pub(crate) fn is_over(&self, epoch: i32, seq: i64) -> bool {
        self.at(seq).is_some_and(|at| at > epoch)
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
