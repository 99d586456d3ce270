//! Where events come from. A loop knows a feed by its [`Heads`] and by asking it for ranges; that each range is complete
//! is the feed's part, and that nothing is applied twice or out of turn is the transaction's.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::event::Event;
use crate::projector::Stopped;
use crate::registry::BoxFuture;
use owned::Held;

pub(crate) mod kafka;
pub(crate) mod log;
pub(crate) mod owned;
mod recent;
pub(crate) mod store;

/// The end of each partition: its last seq.
pub(crate) type Heads = BTreeMap<i16, i64>;

pub(crate) trait Feed: Debug + Send + Sync {
    /// The ends of the partitions that this process works on, as far as the feed has come.
    fn heads(&self) -> watch::Receiver<Heads>;

    /// The same of the log itself, for who reads the log itself.
    fn log_heads(&self) -> watch::Receiver<Heads>;

    /// The events of the ranges by partition and seq, each range complete.
    fn read<'a>(&'a self, ranges: &'a [Range]) -> BoxFuture<'a, Result<Vec<Arc<Event>>, sqlx::Error>>;

    /// After the log was away or was restored, nothing read before is certain any more.
    fn forget(&self);

    /// Those of the partitions that are still this process's. They stay so for as long as the answer is held.
    fn hold(&self, partitions: &mut dyn Iterator<Item = i16>) -> Held;

    /// Keeps heads and events coming until told to stop, or until it cannot be mended. `wake` tells of an append in the same process.
    fn run(self: Arc<Self>, wake: Arc<Notify>, stop: CancellationToken) -> BoxFuture<'static, Result<(), Stopped>>;
}

/// A contiguous piece of one partition: `after < seq <= upto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub partition: i16,
    pub after: i64,
    pub upto: i64,
}

impl Range {
    pub(crate) const fn len(&self) -> usize {
        (self.upto - self.after) as usize
    }
}

/// What to read next: an equal share for every partition that is behind, and what some do not need to the others, so
/// that one busy tenant holds nobody else up.
pub(crate) fn next_ranges(positions: &BTreeMap<i16, i64>, heads: &Heads, events_max: usize) -> Vec<Range> {
    let mut ranges: Vec<Range> = heads
        .iter()
        .filter_map(|(&partition, &head)| {
            let after = positions.get(&partition).copied().unwrap_or(0);
            (head > after).then_some(Range { partition, after, upto: head })
        })
        .collect();
    ranges.sort_by_key(|range| (range.len(), range.partition));
    let mut room = events_max;
    let mut waiting = ranges.len();
    for range in &mut ranges {
        let share = (room / waiting).min(range.len());
        range.upto = range.after + share as i64;
        room -= share;
        waiting -= 1;
    }
    ranges.retain(|range| range.len() > 0);
    ranges.sort_by_key(|range| range.partition);
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(partition: i16, after: i64, upto: i64) -> Range {
        Range { partition, after, upto }
    }

    #[test]
    fn a_busy_partition_leaves_the_others_their_share() {
        let positions = BTreeMap::from([(1, 10)]);
        let next = next_ranges(&positions, &Heads::from([(1, 1_000), (2, 3), (3, 0)]), 100);
        assert_eq!(next, [range(1, 10, 107), range(2, 0, 3)]);
    }

    #[test]
    fn more_partitions_than_room_are_read_in_turns() {
        let next = next_ranges(&BTreeMap::new(), &Heads::from([(1, 5), (2, 5), (3, 5)]), 2);
        assert_eq!(next.iter().map(Range::len).sum::<usize>(), 2);
    }
}
