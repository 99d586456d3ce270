//! Counts what a connection fails at, and decides when to give it up. It never connects: it tells the keeper.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tokio::sync::Notify;

/// Time-outs in a row that make a connection be given up.
pub(super) const TIMEOUTS_MAX: u32 = 3;

#[derive(Debug, Default)]
pub(super) struct Breaker {
    timeouts: AtomicU32,
    /// The connection given up last, and why; its number shifted left, with the reason in the lowest bit.
    given_up: AtomicU64,
    changed: Notify,
}

/// Why a connection is given up, and so how soon another one is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// It broke. The next may be had at once.
    Lost,
    /// Its server is there and does not answer. It is left alone for a while.
    Silent,
}

impl Breaker {
    pub(super) fn succeeded(&self) {
        // Most of the time nothing is to be written, and then the line stays shared between the threads.
        if self.timeouts.load(Ordering::Relaxed) != 0 {
            self.timeouts.store(0, Ordering::Relaxed);
        }
    }

    pub(super) fn timed_out(&self, link: u64) {
        if self.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= TIMEOUTS_MAX {
            self.give_up(link, GivenUp::Silent);
        }
    }

    pub(super) fn lost(&self, link: u64) {
        self.give_up(link, GivenUp::Lost);
    }

    /// Waits until this very connection is given up. What an older one did late says nothing about it.
    pub(super) async fn gives_up(&self, link: u64) -> GivenUp {
        loop {
            let changed = self.changed.notified();
            let given_up = self.given_up.load(Ordering::Acquire);
            if given_up >> 1 == link {
                self.timeouts.store(0, Ordering::Relaxed);
                return if given_up & 1 == 1 { GivenUp::Silent } else { GivenUp::Lost };
            }
            changed.await;
        }
    }

    fn give_up(&self, link: u64, why: GivenUp) {
        let mark = link << 1 | u64::from(why == GivenUp::Silent);
        let newer = self
            .given_up
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |known| (known >> 1 < link).then_some(mark));
        if newer.is_ok() {
            self.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn time_outs_in_a_row_give_a_connection_up_and_an_answer_in_between_saves_it() {
        let breaker = Breaker::default();
        for _ in 1..TIMEOUTS_MAX {
            breaker.timed_out(1);
        }
        breaker.succeeded();
        for _ in 1..TIMEOUTS_MAX {
            breaker.timed_out(1);
        }
        assert_eq!(breaker.given_up.load(Ordering::Relaxed), 0);
        breaker.timed_out(1);
        assert_eq!(breaker.gives_up(1).await, GivenUp::Silent);
    }

    #[tokio::test]
    async fn what_an_older_connection_did_late_does_not_touch_the_next() {
        let breaker = Breaker::default();
        breaker.lost(2);
        breaker.lost(1);
        assert_eq!(breaker.gives_up(2).await, GivenUp::Lost);
    }
}
