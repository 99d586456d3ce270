//! Whether one standby may be read from, as a function of what was seen of it. No clock and no database.

use std::time::{Duration, Instant};

/// What a look at a standby showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Current {
        lag: Duration,
    },
    Behind {
        lag: Duration,
    },
    /// It answers, but follows nobody: promoted, or an address that was never a standby's.
    NoStandby,
    /// Its log-in could pass by the policies.
    Unfit,
    Away,
}

impl Sight {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Current { .. } => "current",
            Self::Behind { .. } => "behind",
            Self::NoStandby => "no-standby",
            Self::Unfit => "unfit",
            Self::Away => "away",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Admitted,
    Ejected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Admission {
    /// Not seen yet: the first good look admits it.
    #[default]
    New,
    Admitted,
    Ejected {
        good_since: Option<Instant>,
    },
}

impl Admission {
    pub(super) const fn is_admitted(self) -> bool {
        matches!(self, Self::Admitted)
    }

    pub(super) fn learn(&mut self, sight: &Sight, now: Instant, readmit_after: Duration) -> Option<Change> {
        let good = match sight {
            Sight::Current { .. } => true,
            Sight::Behind { .. } | Sight::NoStandby | Sight::Unfit | Sight::Away => false,
        };
        let (next, change) = match (*self, good) {
            (Self::New, true) => (Self::Admitted, Some(Change::Admitted)),
            (Self::New, false) | (Self::Ejected { .. }, false) => (Self::Ejected { good_since: None }, None),
            (Self::Admitted, true) => (Self::Admitted, None),
            (Self::Admitted, false) => (Self::Ejected { good_since: None }, Some(Change::Ejected)),
            (Self::Ejected { good_since }, true) => {
                let since = good_since.unwrap_or(now);
                if now.saturating_duration_since(since) >= readmit_after {
                    (Self::Admitted, Some(Change::Admitted))
                } else {
                    (Self::Ejected { good_since: Some(since) }, None)
                }
            }
        };
        *self = next;
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(10);
    const GOOD: Sight = Sight::Current { lag: Duration::ZERO };
    const BEHIND: Sight = Sight::Behind { lag: Duration::from_secs(6) };

    /// What became of looks at given seconds.
    fn history(looks: &[(u64, Sight)]) -> Vec<Option<Change>> {
        let start = Instant::now();
        let mut admission = Admission::default();
        looks.iter().map(|(at, sight)| admission.learn(sight, start + Duration::from_secs(*at), HOLD)).collect()
    }

    #[test]
    fn a_standby_that_keeps_up_is_admitted_at_the_first_look() {
        assert_eq!(history(&[(0, GOOD), (1, GOOD)]), [Some(Change::Admitted), None]);
    }

    #[test]
    fn one_that_falls_behind_goes_at_once_and_comes_back_when_it_has_kept_up_for_a_while() {
        let seen = history(&[(0, GOOD), (1, BEHIND), (2, GOOD), (11, GOOD), (12, GOOD)]);
        assert_eq!(seen, [Some(Change::Admitted), Some(Change::Ejected), None, None, Some(Change::Admitted)]);
    }

    #[test]
    fn a_fault_while_it_is_on_probation_begins_the_probation_anew() {
        let seen = history(&[(0, GOOD), (1, Sight::Away), (2, GOOD), (8, BEHIND), (9, GOOD), (13, GOOD), (19, GOOD)]);
        assert_eq!(&seen[2..6], [None; 4]);
        assert_eq!(seen[6], Some(Change::Admitted));
    }

    #[test]
    fn one_that_was_promoted_answers_no_more() {
        assert_eq!(history(&[(0, GOOD), (1, Sight::NoStandby)])[1], Some(Change::Ejected));
        assert_eq!(history(&[(0, Sight::NoStandby)]), [None]);
    }
}
