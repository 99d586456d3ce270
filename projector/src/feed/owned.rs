//! Which partitions this process works on, and on which of them a transaction is at work now. What others may work on is
//! given up only after that: so nobody waits for a lock that a leaving process still holds. That nothing is applied
//! twice does not depend on it; the checkpoints see to that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::vocabulary::PARTITIONS;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Owned(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    let_go: Condvar,
}

#[derive(Debug, Default)]
struct State {
    owned: BTreeSet<i16>,
    /// Partition → transactions at work on it.
    in_use: BTreeMap<i16, usize>,
}

/// Partitions that stay this process's until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    owned: Owned,
    pub partitions: BTreeSet<i16>,
}

impl Owned {
    /// Of a process that shares with nobody.
    pub(crate) fn all() -> Self {
        let owned = Self::none();
        owned.take(0..PARTITIONS as i16);
        owned
    }

    pub(crate) fn none() -> Self {
        Self(Arc::default())
    }

    pub(crate) fn take(&self, partitions: impl IntoIterator<Item = i16>) {
        self.state().owned.extend(partitions);
    }

    pub(crate) fn has(&self, partition: i16) -> bool {
        self.state().owned.contains(&partition)
    }

    pub(crate) fn count(&self) -> i64 {
        self.state().owned.len() as i64
    }

    pub(crate) fn hold(&self, partitions: &mut dyn Iterator<Item = i16>) -> Held {
        let mut state = self.state();
        let partitions: BTreeSet<i16> = partitions.filter(|partition| state.owned.contains(partition)).collect();
        for &partition in &partitions {
            *state.in_use.entry(partition).or_default() += 1;
        }
        Held { owned: self.clone(), partitions }
    }

    /// From now on nobody here begins anything on them; what is at work on them gets this long to end. Blocks. False if
    /// something is at work still.
    pub(crate) fn give_up(&self, partitions: &[i16], limit: Duration) -> bool {
        let mut state = self.state();
        for partition in partitions {
            state.owned.remove(partition);
        }
        let at_work = |state: &mut State| partitions.iter().any(|partition| state.in_use.contains_key(partition));
        let (_state, waited) =
            self.0.let_go.wait_timeout_while(state, limit, at_work).unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is complete in itself: it stays right even if a holder panicked.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.owned.state();
        for partition in &self.partitions {
            if let Some(uses) = state.in_use.get_mut(partition) {
                *uses -= 1;
                if *uses == 0 {
                    state.in_use.remove(partition);
                }
            }
        }
        drop(state);
        self.owned.0.let_go.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_given_up_once_nobody_is_at_work_on_it() {
        let owned = Owned::all();
        let held = owned.hold(&mut [1, 2].into_iter());
        assert!(owned.give_up(&[3], Duration::ZERO));
        assert!(!owned.give_up(&[2, 3], Duration::from_millis(1)), "a transaction is at work on 2");
        assert!(owned.hold(&mut [2].into_iter()).partitions.is_empty(), "and no other begins one");
        let leaving = owned.clone();
        let waits = std::thread::spawn(move || leaving.give_up(&[1], Duration::from_secs(60)));
        drop(held);
        assert!(waits.join().unwrap());
        owned.take([2]);
        assert_eq!(owned.hold(&mut [2].into_iter()).partitions, BTreeSet::from([2]));
    }
}
