//! How far the loops of this process have come, for a feed that serves them: what the fastest has not seen is worth
//! keeping, and what the slowest has passed needs never be brought again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::registry::Target;

/// Partition → the seq that is applied.
pub(crate) type Positions = BTreeMap<i16, i64>;

/// Cheap to clone. Only loops that the feed serves say where they are; a generation that is being filled does not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<Mutex<BTreeMap<Target, Positions>>>);

impl Progress {
    pub(crate) fn reached(&self, target: Target, positions: &Positions) {
        self.lock().entry(target).or_default().extend(positions);
    }

    pub(crate) fn ended(&self, target: Target) {
        self.lock().remove(&target);
    }

    /// Of each partition, how far the first has come.
    pub(crate) fn fastest(&self) -> Positions {
        self.of_all(i64::max)
    }

    /// Of each partition, how far the last has come. Empty while there are no loops.
    pub(crate) fn slowest(&self) -> Positions {
        self.of_all(i64::min)
    }

    fn of_all(&self, choose: fn(i64, i64) -> i64) -> Positions {
        let mut chosen = Positions::new();
        for (&partition, &seq) in self.lock().values().flatten() {
            chosen.entry(partition).and_modify(|known| *known = choose(*known, seq)).or_insert(seq);
        }
        chosen
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Target, Positions>> {
        // Plain values stay right even if a holder panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
