//! Postgres's clock, as learnt from each call. Never the machine's: two machines differ, and time in the log would
//! run backwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use chrono::Utc;
use domain::vocabulary::Timestamp;

/// Shared by the appenders and by whoever needs the time of a decision.
#[derive(Clone)]
pub struct StoreClock {
    started: Instant,
    /// Postgres's time in µs when `started` was taken.
    origin: Arc<AtomicI64>,
}

impl StoreClock {
    /// Until a call taught it better, it trusts the machine's clock.
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), origin: Arc::new(AtomicI64::new(Utc::now().timestamp_micros())) }
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.origin.load(Ordering::Relaxed) + self.elapsed_micros(Instant::now()))
    }

    /// Postgres said `at` in an answer that arrived just now. The way back is not subtracted: it makes this clock
    /// late by as much, which the store tolerates, where early it would not.
    pub(super) fn learn(&self, at: Timestamp) {
        self.origin.store(at.micros() - self.elapsed_micros(Instant::now()), Ordering::Relaxed);
    }

    fn elapsed_micros(&self, at: Instant) -> i64 {
        i64::try_from(at.duration_since(self.started).as_micros()).unwrap_or(i64::MAX)
    }
}
