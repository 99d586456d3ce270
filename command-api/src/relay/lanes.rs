//! What is read, sent and acknowledged of each held partition, and what is to be read next. It decides and does no IO;
//! `acked <= sent <= requested <= head` holds in every lane, and only `acked` ever becomes a checkpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::leases::{Held, Lease};
use super::log::Epochs;

/// A partition whose message was refused waits so long, twice as long each time, and then sends one at a time.
const TROUBLE_MIN: Duration = Duration::from_millis(200);
const TROUBLE_MAX: Duration = Duration::from_secs(30);

/// A place in a partition that is known from the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub epoch: i32,
    pub seq: i64,
}

/// A contiguous piece of one partition: `after < seq <= upto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub partition: i16,
    pub after: i64,
    pub upto: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The end of the partition in Kafka is being compared with the log; nothing is sent yet.
    Checking,
    Publishing,
    /// Another relay shall have it: nothing new is sent, and it is given up when all is acknowledged.
    Draining,
}

#[derive(Debug)]
struct Lane {
    lease_epoch: i64,
    stage: Stage,
    head: i64,
    requested: i64,
    sent: i64,
    /// Everything up to here is acknowledged, and what is beyond it that is acknowledged too.
    acked: i64,
    ahead: BTreeSet<i64>,
    checkpoint: i64,
    trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug)]
struct Trouble {
    until: Instant,
    pause: Duration,
}

/// The partitions that this relay holds.
#[derive(Debug, Default)]
pub(super) struct Lanes(BTreeMap<i16, Lane>);

impl Lanes {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those that are to be kept.
    pub(super) fn kept(&self) -> usize {
        self.0.values().filter(|lane| lane.stage != Stage::Draining).count()
    }

    pub(super) fn held(&self) -> Vec<Held> {
        self.0.iter().map(|(partition, lane)| lane.held(*partition)).collect()
    }

    pub(super) fn insert(&mut self, lease: Lease) {
        let Lease { partition, lease_epoch, seq } = lease;
        let lane = Lane {
            lease_epoch,
            stage: Stage::Checking,
            head: seq,
            requested: seq,
            sent: seq,
            acked: seq,
            ahead: BTreeSet::new(),
            checkpoint: seq,
            trouble: None,
        };
        self.0.insert(partition, lane);
    }

    /// Whether something of it was under way.
    pub(super) fn remove(&mut self, partition: i16) -> bool {
        self.0.remove(&partition).is_some_and(|lane| lane.sent > lane.acked)
    }

    pub(super) fn checking(&self) -> Vec<i16> {
        self.0.iter().filter(|(_, lane)| lane.stage == Stage::Checking).map(|(partition, _)| *partition).collect()
    }

    pub(super) fn checked(&mut self, partition: i16) {
        if let Some(lane) = self.0.get_mut(&partition).filter(|lane| lane.stage == Stage::Checking) {
            lane.stage = Stage::Publishing;
        }
    }

    /// Gives up so many, those first that have nothing under way.
    pub(super) fn drain(&mut self, count: usize) {
        let mut kept: Vec<(i64, i16)> = self
            .0
            .iter()
            .filter(|(_, lane)| lane.stage != Stage::Draining)
            .map(|(partition, lane)| (lane.requested - lane.acked, *partition))
            .collect();
        kept.sort_unstable();
        for (_, partition) in kept.into_iter().take(count) {
            if let Some(lane) = self.0.get_mut(&partition) {
                lane.stage = Stage::Draining;
            }
        }
    }

    /// Those that can be released: what was sent is acknowledged, and the checkpoint says so.
    pub(super) fn drained(&self) -> Vec<Held> {
        let done = |lane: &Lane| {
            lane.stage == Stage::Draining && lane.requested == lane.acked && lane.checkpoint == lane.acked
        };
        self.0.iter().filter(|(_, lane)| done(lane)).map(|(partition, lane)| lane.held(*partition)).collect()
    }

    /// The first whose acknowledged events the log does not have, if there is one.
    pub(super) fn observe(&mut self, heads: &BTreeMap<i16, i64>) -> Option<(i16, i64)> {
        let mut beyond = None;
        for (partition, lane) in &mut self.0 {
            lane.head = heads.get(partition).copied().unwrap_or(0);
            if lane.acked > lane.head {
                beyond = beyond.or(Some((*partition, lane.acked)));
            }
        }
        beyond
    }

    /// What to read next, up to so many events, with at most `window` under way in all: an equal share for every
    /// partition that is behind, and what some do not need to the others, so that one busy tenant holds nobody else up.
    /// Half of the window belongs to the partitions in equal parts, so that some without a leader hold nobody up either.
    pub(super) fn next(&mut self, events_max: usize, window: usize, now: Instant) -> Vec<Range> {
        let room = events_max.min(window.saturating_sub(self.under_way()));
        let own = (window / 2 / self.0.len().max(1)).max(1);
        let beyond: usize = self.0.values().map(|lane| lane.under_way().saturating_sub(own)).sum();
        let shared = (window / 2).saturating_sub(beyond);
        let mut ranges: Vec<Range> = self
            .0
            .iter()
            .filter_map(|(partition, lane)| lane.next(*partition, own.saturating_sub(lane.under_way()) + shared, now))
            .collect();
        ranges.sort_by_key(|range| (range.len(), range.partition));
        let (mut room, mut waiting) = (room, ranges.len());
        for range in &mut ranges {
            let share = (room / waiting).min(range.len());
            range.upto = range.after + share as i64;
            room -= share;
            waiting -= 1;
        }
        ranges.retain(|range| range.len() > 0);
        ranges.sort_by_key(|range| range.partition);
        for range in &ranges {
            if let Some(lane) = self.0.get_mut(&range.partition) {
                lane.requested = range.upto;
            }
        }
        ranges
    }

    /// Whether this event is the next to be sent; counts it as sent if so.
    pub(super) fn send(&mut self, partition: i16, seq: i64) -> bool {
        let next = self
            .0
            .get_mut(&partition)
            .filter(|lane| lane.stage != Stage::Checking && seq == lane.sent + 1 && seq <= lane.requested);
        next.map(|lane| lane.sent = seq).is_some()
    }

    /// The producer did not take it after all.
    pub(super) fn unsend(&mut self, partition: i16, seq: i64) {
        if let Some(lane) = self.0.get_mut(&partition).filter(|lane| lane.sent == seq) {
            lane.sent = seq - 1;
        }
    }

    pub(super) fn acknowledge(&mut self, partition: i16, seq: i64) {
        let Some(lane) = self.0.get_mut(&partition).filter(|lane| seq > lane.acked && seq <= lane.sent) else {
            return; // of a lease that was lost, or acknowledged before
        };
        lane.ahead.insert(seq);
        while lane.ahead.remove(&(lane.acked + 1)) {
            lane.acked += 1;
        }
        lane.trouble = None;
    }

    /// A message of it was refused for good.
    pub(super) fn refuse(&mut self, partition: i16, now: Instant) {
        let Some(lane) = self.0.get_mut(&partition) else { return };
        let pause = match lane.trouble {
            None => TROUBLE_MIN,
            Some(trouble) if trouble.until > now => return, // told by several messages of one failure
            Some(trouble) => (2 * trouble.pause).min(TROUBLE_MAX),
        };
        lane.trouble = Some(Trouble { until: now + pause, pause });
    }

    /// All that is not acknowledged is to be read and sent again, from the first gap on.
    pub(super) fn rewind(&mut self) {
        for lane in self.0.values_mut() {
            (lane.requested, lane.sent) = (lane.acked, lane.acked);
            lane.ahead.clear();
        }
    }

    /// Nothing new is sent: what was read and not sent is as if it had not been read.
    pub(super) fn forget_unsent(&mut self) {
        for lane in self.0.values_mut() {
            lane.requested = lane.sent;
        }
    }

    /// Checkpoints that are to be moved.
    pub(super) fn points(&self, epochs: &Epochs) -> Vec<(Held, Point)> {
        let moved = self.0.iter().filter(|(_, lane)| lane.acked > lane.checkpoint);
        moved
            .map(|(partition, lane)| {
                let epoch = epochs.at(*partition, lane.acked);
                (lane.held(*partition), Point { epoch, seq: lane.acked })
            })
            .collect()
    }

    pub(super) fn checkpointed(&mut self, partition: i16, seq: i64) {
        if let Some(lane) = self.0.get_mut(&partition) {
            lane.checkpoint = seq;
        }
    }

    /// Read or about to be, and not acknowledged.
    pub(super) fn under_way(&self) -> usize {
        self.0.values().map(Lane::under_way).sum()
    }

    pub(super) fn has_unread(&self) -> bool {
        self.0.values().any(|lane| lane.head > lane.requested)
    }

    pub(super) fn behind(&self) -> i64 {
        self.0.values().map(|lane| (lane.head - lane.acked).max(0)).sum()
    }

    /// The first event of each partition that is not acknowledged.
    pub(super) fn oldest(&self) -> Vec<(i16, i64)> {
        let behind = self.0.iter().filter(|(_, lane)| lane.head > lane.acked);
        behind.map(|(partition, lane)| (*partition, lane.acked + 1)).collect()
    }

    /// When a partition that waits after a refusal may go on.
    pub(super) fn next_retry(&self, now: Instant) -> Option<Instant> {
        let waiting = self.0.values().filter_map(|lane| lane.trouble).filter(|trouble| trouble.until > now);
        waiting.map(|trouble| trouble.until).min()
    }
}

impl Lane {
    fn held(&self, partition: i16) -> Held {
        Held { partition, lease_epoch: self.lease_epoch }
    }

    fn under_way(&self) -> usize {
        (self.requested - self.acked) as usize
    }

    /// All that could be read, were it alone.
    fn next(&self, partition: i16, events_max: usize, now: Instant) -> Option<Range> {
        let after = self.requested;
        let upto = match self.trouble {
            Some(trouble) if trouble.until > now || self.requested > self.acked => after,
            Some(_) => self.head.min(after + 1),
            None => self.head,
        };
        let upto = upto.min(after + events_max as i64);
        (self.stage == Stage::Publishing && upto > after).then_some(Range { partition, after, upto })
    }
}

impl Range {
    pub(super) const fn len(&self) -> usize {
        (self.upto - self.after) as usize
    }
}

#[cfg(test)]
mod tests;
