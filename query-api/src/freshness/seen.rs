//! What the poller last saw: checkpoints and log epochs of the partitions somebody asked about.
//!
//! Here stands when a position counts as passed. Nothing here waits.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use platform::position::Position;
use tokio::time::Instant;

use crate::tenant_tx::Reader;

/// Shorter than Postgres takes to recover from a crash.
const PROOF_MAX_AGE: Duration = Duration::from_millis(100);

/// Checkpoints by partition, as of the poller's last look.
#[derive(Debug, Default)]
pub(super) struct Seen {
    partitions: BTreeMap<i16, Partition>,
    /// The last look failed.
    pub(super) blind: bool,
}

#[derive(Debug, Clone, Default)]
struct Partition {
    checkpoints: HashMap<String, Position>,
    /// Projections whose live generation nobody moves for now.
    resting: HashSet<String>,
    epochs: Vec<Epoch>,
    looked_at: Option<Instant>,
}

/// A restore or promotion: from `first_seq` on, numbers of earlier epochs no longer hold.
#[derive(Debug, Clone, Copy)]
struct Epoch {
    epoch: i32,
    first_seq: i64,
}

/// How far projections are, measured by a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    Passed,
    Behind,
    /// Behind, and a projection is paused or frozen: waiting would be in vain.
    Rests,
    /// A later epoch began at or before the position: what stood there is lost.
    TakenBack,
}

/// One look at the database.
#[derive(Debug)]
pub(super) struct Look(BTreeMap<i16, Partition>);

impl Seen {
    /// A look proves something for [`PROOF_MAX_AGE`]: a projection's last batches can be lost with their checkpoint when
    /// Postgres crashes, and are applied again after it.
    pub(super) fn reached(&self, position: Position, projections: &[&str]) -> Reached {
        let known = self.partitions.get(&position.partition).filter(|known| known.is_fresh(PROOF_MAX_AGE));
        let Some(partition) = known else { return Reached::Behind };
        if !partition.holds(position) {
            return Reached::TakenBack;
        }
        // Nobody can have been told a position of an epoch that has not begun.
        if partition.epochs.iter().all(|begun| begun.epoch < position.epoch) {
            return Reached::Behind;
        }
        // An empty partition has no checkpoints, and its head, which is zero, has been passed by everybody.
        let passed = |projection: &&str| {
            position.seq <= 0
                || partition
                    .checkpoints
                    .get(*projection)
                    .is_some_and(|at| partition.holds(*at) && at.seq >= position.seq)
        };
        let behind: Vec<&str> = projections.iter().filter(|projection| !passed(projection)).copied().collect();
        match behind.as_slice() {
            [] => Reached::Passed,
            behind if behind.iter().any(|projection| partition.resting.contains(*projection)) => Reached::Rests,
            [..] => Reached::Behind,
        }
    }

    /// Where projections stand, unless the look is older than `age_max`. One without a checkpoint stands at the start.
    pub(super) fn standing<const N: usize>(
        &self,
        partition: i16,
        projections: [&str; N],
        age_max: Duration,
    ) -> Option<[Position; N]> {
        let known = self.partitions.get(&partition).filter(|known| known.is_fresh(age_max))?;
        let start = Position { epoch: 0, partition, seq: 0 };
        Some(projections.map(|projection| known.checkpoints.get(projection).copied().unwrap_or(start)))
    }

    pub(super) fn learn(&mut self, look: Look) {
        self.partitions.extend(look.0);
        self.blind = false;
    }

    pub(super) async fn look(reader: &Reader, partitions: &[i16]) -> Result<Look, sqlx::Error> {
        // The moment before the question: what is seen may be newer, never older.
        let looked_at = Instant::now();
        let empty = Partition { looked_at: Some(looked_at), ..Partition::default() };
        let mut look: BTreeMap<i16, Partition> = partitions.iter().map(|number| (*number, empty.clone())).collect();
        let checkpoints = sqlx::query!(
            r#"SELECT projection, partition, epoch, seq, paused OR frozen AS "rests!"
               FROM read.checkpoints JOIN read.generations USING (projection, generation)
               WHERE state = 'live' AND partition = ANY($1)"#,
            partitions
        )
        .fetch_all(reader.tenantless())
        .await?;
        for row in checkpoints {
            let at = Position { epoch: row.epoch, partition: row.partition, seq: row.seq };
            let partition = look.entry(row.partition).or_default();
            if row.rests {
                partition.resting.insert(row.projection.clone());
            }
            partition.checkpoints.insert(row.projection, at);
        }
        let epochs = sqlx::query!(
            "SELECT epoch, partition, first_seq FROM store.log_epochs WHERE partition = ANY($1)",
            partitions
        )
        .fetch_all(reader.tenantless())
        .await?;
        for row in epochs {
            let epoch = Epoch { epoch: row.epoch, first_seq: row.first_seq };
            look.entry(row.partition).or_default().epochs.push(epoch);
        }
        Ok(Look(look))
    }
}

impl Partition {
    fn is_fresh(&self, age_max: Duration) -> bool {
        self.looked_at.is_some_and(|at| at.elapsed() <= age_max)
    }

    /// A position holds if no later epoch began at or before it.
    fn holds(&self, position: Position) -> bool {
        !self.epochs.iter().any(|later| later.epoch > position.epoch && later.first_seq <= position.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(epoch: i32, seq: i64) -> Position {
        Position { epoch, partition: 3, seq }
    }

    fn seen(checkpoints: &[(&str, Position)], epochs: &[(i32, i64)]) -> Seen {
        let partition = Partition {
            checkpoints: checkpoints.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect(),
            epochs: epochs.iter().map(|&(epoch, first_seq)| Epoch { epoch, first_seq }).collect(),
            resting: HashSet::new(),
            looked_at: Some(Instant::now()),
        };
        Seen { partitions: BTreeMap::from([(3, partition)]), blind: false }
    }

    #[test]
    fn a_position_is_passed_when_every_projection_of_the_route_has_passed_it() {
        let seen = seen(&[("devices", at(1, 10)), ("findings", at(1, 9))], &[(1, 1)]);
        assert_eq!(seen.reached(at(1, 9), &["devices", "findings"]), Reached::Passed);
        assert_eq!(seen.reached(at(1, 10), &["devices"]), Reached::Passed);
        assert_eq!(seen.reached(at(1, 10), &["devices", "findings"]), Reached::Behind);
        assert_eq!(seen.reached(at(1, 1), &["scans"]), Reached::Behind);
    }

    #[test]
    fn whoever_would_wait_for_a_projection_that_rests_is_told_so_and_what_it_has_is_shown() {
        let mut seen = seen(&[("devices", at(1, 10)), ("findings", at(1, 9))], &[(1, 1)]);
        seen.partitions.get_mut(&3).unwrap().resting.insert("findings".to_owned());
        assert_eq!(seen.reached(at(1, 10), &["devices", "findings"]), Reached::Rests);
        assert_eq!(seen.reached(at(1, 9), &["devices", "findings"]), Reached::Passed);
        assert_eq!(seen.reached(at(1, 11), &["devices"]), Reached::Behind);
    }

    #[test]
    fn the_head_of_an_empty_partition_is_passed_by_projections_without_a_checkpoint() {
        assert_eq!(seen(&[], &[(1, 1)]).reached(at(1, 0), &["scans"]), Reached::Passed);
    }

    #[test]
    fn a_position_that_a_restore_took_back_is_gone_and_an_older_one_carries_over() {
        let seen = seen(&[("devices", at(2, 40))], &[(1, 1), (2, 31)]);
        assert_eq!(seen.reached(at(1, 31), &["devices"]), Reached::TakenBack);
        assert_eq!(seen.reached(at(1, 30), &["devices"]), Reached::Passed);
        assert_eq!(seen.reached(at(2, 40), &["devices"]), Reached::Passed);
    }

    #[test]
    fn a_checkpoint_that_a_restore_took_back_proves_nothing() {
        let seen = seen(&[("devices", at(1, 50))], &[(1, 1), (2, 31)]);
        assert_eq!(seen.reached(at(2, 31), &["devices"]), Reached::Behind);
    }

    #[test]
    fn a_position_of_an_epoch_that_has_not_begun_is_not_passed() {
        assert_eq!(seen(&[("devices", at(1, 10))], &[(1, 1)]).reached(at(2, 1), &["devices"]), Reached::Behind);
    }

    #[test]
    fn an_old_look_proves_nothing() {
        let mut seen = seen(&[("devices", at(1, 10))], &[(1, 1)]);
        assert_eq!(seen.reached(at(1, 10), &["devices"]), Reached::Passed);
        seen.partitions.get_mut(&3).unwrap().looked_at = Instant::now().checked_sub(2 * PROOF_MAX_AGE);
        assert_eq!(seen.reached(at(1, 10), &["devices"]), Reached::Behind);
    }

    #[test]
    fn nothing_is_known_of_a_partition_nobody_looked_at() {
        assert_eq!(Seen::default().reached(at(1, 1), &["devices"]), Reached::Behind);
        assert_eq!(Seen::default().standing(3, ["devices"], Duration::MAX), None);
    }
}
