//! Which offset each record had, so that the group can be told what nobody here needs again. That is a hint for who
//! takes a partition over, and no more: what was applied, the checkpoints say.

use std::collections::{BTreeMap, VecDeque};

/// Of one partition. Beyond it only the newest is kept, and the hint becomes coarser.
const OFFSETS_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Offsets(BTreeMap<i16, VecDeque<(i64, i64)>>);

impl Offsets {
    pub(super) fn note(&mut self, partition: i16, seq: i64, offset: i64) {
        let known = self.0.entry(partition).or_default();
        if known.len() >= OFFSETS_MAX {
            known.pop_back();
        }
        known.push_back((seq, offset));
    }

    /// Partition → the first offset whose record somebody may still need, where that has moved.
    pub(super) fn passed(&mut self, positions: &BTreeMap<i16, i64>) -> BTreeMap<i16, i64> {
        let mut next = BTreeMap::new();
        for (partition, known) in &mut self.0 {
            let Some(position) = positions.get(partition) else { continue };
            while let Some((_, offset)) = known.pop_front_if(|(seq, _)| *seq <= *position) {
                next.insert(*partition, offset + 1);
            }
        }
        next
    }

    pub(super) fn drop_partitions(&mut self, partitions: &[i16]) {
        self.0.retain(|partition, _| !partitions.contains(partition));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_everybody_has_passed_is_given_back() {
        let mut offsets = Offsets::default();
        for (seq, offset) in [(1, 10), (2, 11), (1, 12), (3, 13)] {
            offsets.note(7, seq, offset);
        }
        assert_eq!(offsets.passed(&BTreeMap::from([(7, 2), (8, 9)])), BTreeMap::from([(7, 13)]));
        assert!(offsets.passed(&BTreeMap::from([(7, 2)])).is_empty());
        assert_eq!(offsets.passed(&BTreeMap::from([(7, 3)])), BTreeMap::from([(7, 14)]));
    }
}
