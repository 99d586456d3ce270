//! The last events that came, by place, so that each is fetched and decoded once although every projection asks for it.
//! Bounded by bytes; whatever is not here is read from the store again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::Range;
use crate::event::{Event, Place};

pub(super) const RECENT_MAX_BYTES: usize = 16 * 1024 * 1024;
/// What an event takes beside its body, roughly.
const EVENT_OVERHEAD_BYTES: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Recent {
    events: BTreeMap<Place, Arc<Event>>,
    oldest_first: VecDeque<Place>,
    bytes: usize,
}

impl Recent {
    /// All of the range or nothing.
    pub(super) fn get(&self, range: Range) -> Option<Vec<Arc<Event>>> {
        if range.len() == 0 {
            return Some(vec![]);
        }
        let place = |seq| Place { partition: range.partition, seq };
        let known = self.events.range(place(range.after + 1)..=place(range.upto));
        let known: Vec<Arc<Event>> = known.map(|(_, event)| Arc::clone(event)).collect();
        (known.len() == range.len()).then_some(known)
    }

    /// What is known already gives way: a restore may have given its place to another event.
    pub(super) fn put(&mut self, event: &Arc<Event>) {
        match self.events.insert(event.place, Arc::clone(event)) {
            None => self.oldest_first.push_back(event.place),
            Some(replaced) => self.bytes -= size_of(&replaced),
        }
        self.bytes += size_of(event);
        while self.bytes > RECENT_MAX_BYTES {
            let Some(oldest) = self.oldest_first.pop_front() else { break };
            if let Some(dropped) = self.events.remove(&oldest) {
                self.bytes -= size_of(&dropped);
            }
        }
    }

    /// Whether more than so much of it lies beyond the positions.
    pub(super) fn is_ahead(&self, positions: &BTreeMap<i16, i64>, limit_bytes: usize) -> bool {
        let after = |event: &&Arc<Event>| {
            positions.get(&event.place.partition).is_none_or(|position| event.place.seq > *position)
        };
        self.bytes > limit_bytes
            && self.events.values().filter(after).map(|event| size_of(event)).sum::<usize>() > limit_bytes
    }

    pub(super) fn drop_partitions(&mut self, partitions: &[i16]) {
        self.oldest_first.retain(|place| !partitions.contains(&place.partition));
        for event in self.events.extract_if(.., |place, _| partitions.contains(&place.partition)) {
            self.bytes -= size_of(&event.1);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The decoded form holds the body's texts once more.
fn size_of(event: &Event) -> usize {
    EVENT_OVERHEAD_BYTES + 2 * event.body.as_ref().map_or(0, Vec::len)
}
