//! Holding partitions: a fair share of them, no longer than the lease, and none before its end in Kafka was compared
//! with the log.

use std::collections::BTreeMap;
use std::time::Duration;

use platform::position::PARTITIONS;
use platform::problem::chain;
use tokio::time::Instant;

use super::super::latest::{self, Latest};
use super::super::{SessionError, leases, log};
use super::{Ends, Session};

/// How often leases are renewed and shares looked at, at the longest.
const TICK_MAX: Duration = Duration::from_secs(1);
/// Renewals that may fail before a lease ends.
const TICKS_PER_LEASE: u32 = 4;
/// Between two looks at the ends of partitions: Kafka may be away, or the topic not made yet.
const CHECK_AGAIN: Duration = Duration::from_secs(1);

impl Session<'_> {
    /// Renews what is held; takes or gives up what a fair share of the relays that are there wants.
    pub(super) async fn keep_leases(&mut self) -> Result<(), SessionError> {
        let now = Instant::now();
        if now >= self.due.lease_end && self.lanes.len() > 0 {
            self.lose_all().await; // stopped for so long that others may have taken over
        }
        if now < self.due.leases {
            return Ok(());
        }
        let lease = self.relay.config.lease;
        self.due.leases = now + TICK_MAX.min(lease / TICKS_PER_LEASE);
        let held = self.lanes.held();
        let kept = leases::renew(&mut self.control, self.holder, &held, lease).await?;
        self.due.lease_end = now + lease; // counted from before the question: Postgres's own end is later
        self.lose(held.iter().map(|held| held.partition).filter(|partition| !kept.contains(partition)).collect()).await;
        let members = leases::join(&mut self.control, self.holder, lease).await?;
        let share = fair_share(members);
        let wanted = share.saturating_sub(self.lanes.kept());
        if wanted > 0 {
            for taken in leases::take(&mut self.control, self.holder, wanted as i64, lease).await? {
                self.lanes.insert(taken);
            }
        }
        self.lanes.drain(self.lanes.kept().saturating_sub(share));
        self.relay.metrics.held.set(self.lanes.len() as i64);
        self.relay.status.connected();
        Ok(())
    }

    pub(super) async fn give_up_drained(&mut self) -> Result<(), SessionError> {
        let drained = self.lanes.drained();
        if !drained.is_empty() {
            leases::release(&mut self.control, self.holder, &drained).await?;
            for held in drained {
                self.lanes.remove(held.partition);
            }
            self.relay.metrics.held.set(self.lanes.len() as i64);
        }
        Ok(())
    }

    /// Another relay has them. What was sent under their leases and not acknowledged must not go out any more.
    pub(super) async fn lose(&mut self, partitions: Vec<i16>) {
        if partitions.is_empty() {
            return;
        }
        tracing::warn!(?partitions, "leases were lost");
        self.relay.metrics.leases_lost.inc_by(partitions.len() as u64);
        let mut under_way = false;
        for partition in partitions {
            under_way |= self.lanes.remove(partition);
        }
        if under_way {
            self.start_over().await;
        }
    }

    async fn lose_all(&mut self) {
        let partitions = self.lanes.held().into_iter().map(|held| held.partition).collect();
        self.lose(partitions).await;
    }

    /// Looks up the ends of partitions that were taken, on a thread of its own.
    pub(super) fn check_new(&mut self) {
        let mut checking = self.lanes.checking();
        if checking.is_empty() || self.check.is_some() || Instant::now() < self.due.check {
            return;
        }
        self.checks += 1;
        let first = self.checks % checking.len();
        checking.rotate_left(first); // some without a leader may use up the time of those behind them
        self.due.check = Instant::now() + CHECK_AGAIN;
        let (settings, epochs) = (self.relay.kafka.clone(), self.epochs.clone());
        self.check = Some(tokio::task::spawn_blocking(move || latest::of(&settings, &checking, &epochs)));
    }

    /// Whoever is ahead of the log, or has another event where the log has one, has seen a log that was lost since.
    pub(super) async fn compare(&mut self, ends: Ends) -> Result<(), SessionError> {
        let ends = match ends {
            Ok(ends) => ends,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the ends of partitions in Kafka cannot be looked up");
                return Ok(());
            }
        };
        let found: BTreeMap<i16, Latest> = ends.iter().filter_map(|(at, end)| end.map(|end| (*at, end))).collect();
        let places: Vec<(i16, i64)> = found.iter().map(|(partition, end)| (*partition, end.seq)).collect();
        let ids = log::event_ids(&mut self.control, &places).await?;
        for (partition, Latest { epoch, seq, event_id }) in found {
            let what = match ids.get(&partition) {
                _ if epoch > self.epochs.newest() => "an epoch that the log does not know",
                Some(id) if *id == event_id => continue,
                Some(_) => "another event",
                None => "an event that the log does not have",
            };
            return Err(SessionError::Ahead { partition, epoch, seq, what });
        }
        self.relay.metrics.halted.set(0);
        ends.into_keys().for_each(|partition| self.lanes.checked(partition));
        Ok(())
    }
}

/// Rounded up, so that every partition has somebody.
fn fair_share(members: i64) -> usize {
    let members = usize::try_from(members).unwrap_or(1).max(1);
    usize::from(PARTITIONS.unsigned_abs()).div_ceil(members)
}
