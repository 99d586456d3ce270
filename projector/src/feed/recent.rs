//! The last events read, by place, so that each is read and decoded once although every projection asks for it. Bounded
//! by bytes; whatever is not here is read from the store again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::Range;
use crate::event::{Event, Place};

const RECENT_MAX_BYTES: usize = 16 * 1024 * 1024;
/// What an event takes beside its body, roughly.
const EVENT_OVERHEAD_BYTES: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Recent {
    events: HashMap<Place, Arc<Event>>,
    oldest_first: VecDeque<Place>,
    bytes: usize,
}

impl Recent {
    /// All of the range or nothing.
    pub(super) fn get(&self, range: Range) -> Option<Vec<Arc<Event>>> {
        let place = |seq| Place { partition: range.partition, seq };
        (range.after + 1..=range.upto).map(|seq| self.events.get(&place(seq)).cloned()).collect()
    }

    pub(super) fn put(&mut self, event: &Arc<Event>) {
        if self.events.insert(event.place, Arc::clone(event)).is_none() {
            self.oldest_first.push_back(event.place);
            self.bytes += size_of(event);
        }
        while self.bytes > RECENT_MAX_BYTES {
            let Some(oldest) = self.oldest_first.pop_front() else { break };
            if let Some(dropped) = self.events.remove(&oldest) {
                self.bytes -= size_of(&dropped);
            }
        }
    }

    /// After the log was away, nothing read before it is certain any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The decoded form holds the body's texts once more.
fn size_of(event: &Event) -> usize {
    EVENT_OVERHEAD_BYTES + 2 * event.body.as_ref().map_or(0, Vec::len)
}
