//! How old what a standby has replayed is, told by when the primary was there: no two machines' clocks are compared, and
//! a standby whose connection to the primary was cut does not look current.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// At two looks a second, half a minute: whoever is further behind has been left out long before.
const LOOKS_MAX: usize = 64;

/// How far the primary's log was flushed, look by look.
#[derive(Debug, Default)]
pub(super) struct History(VecDeque<(Instant, i64)>);

impl History {
    pub(super) fn record(&mut self, at: Instant, flushed: i64) {
        if self.0.len() == LOOKS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((at, flushed));
    }

    /// The time since the primary was last seen at or before `replayed`. Where that is before the first look, the age
    /// of the last commit replayed tells; where not even that is known, it counts as for ever.
    pub(super) fn lag(&self, replayed: i64, now: Instant, commit_age_seconds: Option<f64>) -> Duration {
        match self.0.back() {
            Some((_, newest)) if *newest > replayed => {}
            // A primary that cannot be asked commits nothing that a standby could lack.
            Some(_) => return Duration::ZERO,
            None => return Duration::MAX,
        }
        match self.0.iter().rev().find(|(_, flushed)| *flushed <= replayed) {
            Some((at, _)) => now.saturating_duration_since(*at),
            None => commit_age_seconds.map_or(Duration::MAX, |age| Duration::from_secs_f64(age.max(0.0))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_standby_is_as_far_behind_as_the_primary_s_last_look_that_it_has_caught_up_with() {
        let start = Instant::now();
        let mut history = History::default();
        for (seconds, flushed) in [(0, 100), (1, 200), (2, 300)] {
            history.record(start + seconds * SECOND, flushed);
        }
        let now = start + 3 * SECOND;
        assert_eq!(history.lag(300, now, None), Duration::ZERO);
        assert_eq!(history.lag(250, now, None), 2 * SECOND);
        assert_eq!(history.lag(100, now, None), 3 * SECOND);
        assert_eq!(history.lag(99, now, Some(7.0)), 7 * SECOND);
        assert_eq!(history.lag(99, now, None), Duration::MAX);
    }

    #[test]
    fn a_quiet_primary_leaves_nobody_behind_and_one_never_seen_proves_nothing() {
        let start = Instant::now();
        let mut history = History::default();
        assert_eq!(history.lag(100, start, Some(0.0)), Duration::MAX);
        history.record(start, 100);
        assert_eq!(history.lag(100, start + 3600 * SECOND, Some(3600.0)), Duration::ZERO);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut history = History::default();
        (0..1_000).for_each(|n| history.record(Instant::now(), n));
        assert_eq!(history.0.len(), LOOKS_MAX);
    }
}
