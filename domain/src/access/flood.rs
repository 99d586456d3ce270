//! The flood rule: what a stranger can make happen must not fill a log that cannot forget.
//!
//! Of the attempts of one source (a key: tenant, account, network prefix) the first twenty a minute are events of their
//! own; the rest of them become one aggregate a minute.
//!
//! Keys are chosen by the attacker, so there is room for a bounded number. When it is full, attempts of further sources
//! are counted, never dropped, into the one catch-all aggregate without a key. Room is made by `due`, which forgets
//! sources that have been quiet for a minute.
//!
//! Names are free to invent, so failed log-ins are bounded a second time, by where they come from: `log_ins`.
//!
//! It never reads a clock and never writes an event: the caller says when it is, records what comes out, and puts back
//! what it could not record. What was counted and is not yet due lives in this value alone, so a caller that stops must
//! `drain` it; one that is killed loses the counts of its last minute.

mod log_ins;

use std::collections::BTreeMap;

pub use log_ins::{LogInFlood, NETWORK_SINGLES_PER_WINDOW};

use crate::vocabulary::Timestamp;

pub const SINGLES_PER_WINDOW: u32 = 20;
pub const WINDOW_MICROS: i64 = 60 * 1_000_000;
/// With a key of about 100 bytes the whole table stays under one megabyte.
pub const KEYS_MAX: usize = 4_096;

/// What to do with the attempt just noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Record it as an event of its own.
    Single,
    /// Record nothing now: it is part of an aggregate to come.
    Counted,
}

/// Attempts beyond the first twenty, to be recorded as one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate<K> {
    /// Absent in the catch-all: sources for which there was no room, of whatever tenant.
    pub key: Option<K>,
    pub tally: Tally,
}

/// How many (at least one), from the first to the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    count: u64,
    from: Timestamp,
    until: Timestamp,
}

/// The counters of one process for one kind of attempt.
#[derive(Debug, Clone)]
pub struct Flood<K> {
    keys_max: usize,
    singles_max: u32,
    sources: BTreeMap<K, Source>,
    catch_all: Option<Waiting>,
}

#[derive(Debug, Clone)]
struct Source {
    window_began: Timestamp,
    singles: u32,
    counted: Option<Waiting>,
}

/// What was counted, and since when it waits to be recorded. What could not be recorded begins to wait anew, so that a
/// store that is away is asked once a minute and not at every look.
#[derive(Debug, Clone)]
struct Waiting {
    tally: Tally,
    since: Timestamp,
}

impl<K> Default for Flood<K> {
    fn default() -> Self {
        Self::with_room_for(KEYS_MAX)
    }
}

impl<K> Flood<K> {
    pub const fn with_room_for(keys_max: usize) -> Self {
        Self::with_limits(keys_max, SINGLES_PER_WINDOW)
    }

    pub const fn with_limits(keys_max: usize, singles_max: u32) -> Self {
        Self { keys_max, singles_max, sources: BTreeMap::new(), catch_all: None }
    }

    /// How many sources are remembered, at most the room given.
    pub fn sources(&self) -> usize {
        self.sources.len()
    }
}

impl<K: Ord + Clone> Flood<K> {
    pub fn note(&mut self, key: &K, now: Timestamp) -> Verdict {
        if let Some(source) = self.sources.get_mut(key) {
            return source.note(self.singles_max, now);
        }
        if self.sources.len() >= self.keys_max {
            add(&mut self.catch_all, Tally::one(now), now);
            return Verdict::Counted;
        }
        self.sources.insert(key.clone(), Source { window_began: now, singles: 1, counted: None });
        Verdict::Single
    }

    /// Whether the next attempt of this source will be part of its own aggregate.
    pub fn is_spent(&self, key: &K, now: Timestamp) -> bool {
        self.sources
            .get(key)
            .is_some_and(|source| source.singles >= self.singles_max && !minute_is_over(source.window_began, now))
    }

    /// The aggregates whose minute is over, at most one a minute for each key and for the catch-all.
    /// Each is handed out once.
    pub fn due(&mut self, now: Timestamp) -> Vec<Aggregate<K>> {
        self.take(|waiting| minute_is_over(waiting.since, now), |source| minute_is_over(source.window_began, now))
    }

    /// Everything counted so far, due or not: for a process that stops in order.
    pub fn drain(&mut self) -> Vec<Aggregate<K>> {
        self.take(|_| true, |_| true)
    }

    /// Counts again what could not be recorded, so that it comes out with a later aggregate. A single event that failed
    /// is a tally of one. It is due a minute from now, or with what was counted meanwhile.
    pub fn put_back(&mut self, Aggregate { key, tally }: Aggregate<K>, now: Timestamp) {
        let full = self.sources.len() >= self.keys_max;
        let counted = match key {
            Some(key) if !full || self.sources.contains_key(&key) => {
                let fresh = Source { window_began: tally.until, singles: 0, counted: None };
                &mut self.sources.entry(key).or_insert(fresh).counted
            }
            Some(_) | None => &mut self.catch_all,
        };
        add(counted, tally, now);
    }

    fn take(&mut self, ripe: impl Fn(&Waiting) -> bool, quiet: impl Fn(&Source) -> bool) -> Vec<Aggregate<K>> {
        let mut aggregates = Vec::new();
        self.sources.retain(|key, source| {
            if let Some(Waiting { tally, .. }) = source.counted.take_if(|waiting| ripe(waiting)) {
                aggregates.push(Aggregate { key: Some(key.clone()), tally });
            }
            source.counted.is_some() || !quiet(source)
        });
        if let Some(Waiting { tally, .. }) = self.catch_all.take_if(|waiting| ripe(waiting)) {
            aggregates.push(Aggregate { key: None, tally });
        }
        aggregates
    }
}

impl Tally {
    pub const fn one(now: Timestamp) -> Self {
        Self { count: 1, from: now, until: now }
    }

    pub fn and(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            from: self.from.min(other.from),
            until: self.until.max(other.until),
        }
    }

    pub const fn count(self) -> u64 {
        self.count
    }

    pub const fn from(self) -> Timestamp {
        self.from
    }

    pub const fn until(self) -> Timestamp {
        self.until
    }
}

impl Source {
    fn note(&mut self, singles_max: u32, now: Timestamp) -> Verdict {
        if minute_is_over(self.window_began, now) {
            self.window_began = now;
            self.singles = 0;
        }
        if self.singles < singles_max {
            self.singles += 1;
            return Verdict::Single;
        }
        add(&mut self.counted, Tally::one(now), now);
        Verdict::Counted
    }
}

/// A clock that steps back neither opens a new minute nor turns an interval around.
const fn minute_is_over(began: Timestamp, now: Timestamp) -> bool {
    now.micros().saturating_sub(began.micros()) >= WINDOW_MICROS
}

fn add(counted: &mut Option<Waiting>, more: Tally, now: Timestamp) {
    let (tally, since) = match counted.take() {
        Some(waiting) => (waiting.tally.and(more), waiting.since.min(now)),
        None => (more, now),
    };
    *counted = Some(Waiting { tally, since });
}

#[cfg(test)]
mod tests;
