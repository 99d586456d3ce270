//! Where events come from. The store is the only feed there is yet; the loop knows it by [`Heads`] and by asking for
//! ranges, so that another feed has to bring no more than that.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

mod recent;
pub(crate) mod store;

/// The end of each partition.
pub(crate) type Heads = BTreeMap<i16, Head>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub seq: i64,
    pub recorded_at: DateTime<Utc>,
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
        .filter_map(|(&partition, head)| {
            let after = positions.get(&partition).copied().unwrap_or(0);
            (head.seq > after).then_some(Range { partition, after, upto: head.seq })
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

/// How many events lie between the positions and the heads.
pub(crate) fn events_behind(positions: &BTreeMap<i16, i64>, heads: &Heads) -> i64 {
    heads.iter().map(|(partition, head)| (head.seq - positions.get(partition).copied().unwrap_or(0)).max(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads<const N: usize>(heads: [(i16, i64); N]) -> Heads {
        heads.into_iter().map(|(partition, seq)| (partition, Head { seq, recorded_at: DateTime::UNIX_EPOCH })).collect()
    }

    fn range(partition: i16, after: i64, upto: i64) -> Range {
        Range { partition, after, upto }
    }

    #[test]
    fn a_busy_partition_leaves_the_others_their_share() {
        let positions = BTreeMap::from([(1, 10)]);
        let next = next_ranges(&positions, &heads([(1, 1_000), (2, 3), (3, 0)]), 100);
        assert_eq!(next, [range(1, 10, 107), range(2, 0, 3)]);
    }

    #[test]
    fn more_partitions_than_room_are_read_in_turns() {
        let next = next_ranges(&BTreeMap::new(), &heads([(1, 5), (2, 5), (3, 5)]), 2);
        assert_eq!(next.iter().map(Range::len).sum::<usize>(), 2);
    }

    #[test]
    fn behind_is_counted_over_all_partitions() {
        assert_eq!(events_behind(&BTreeMap::from([(1, 4), (2, 9)]), &heads([(1, 10), (2, 7), (5, 2)])), 8);
    }
}
