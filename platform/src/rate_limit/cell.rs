//! The rule (GCRA): one number a subject, the moment at which everything asked so far would have been paid off. Pure; the
//! script in `shared` says the same in Lua, and a test holds them equal.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

pub(crate) const MICROS_PER_SECOND: u64 = 1_000_000;
const RATE_MAX: u64 = 1_000_000;
const BURST_MAX: u64 = 10_000_000;

/// So many requests a second in the long run, so many at once: `100/500`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    per_second: u64,
    burst: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no limit: <requests a second>/<burst>, such as 100/500, or off")]
pub struct NotALimit;

/// What is left after a request, or why it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    /// Requests that may follow at once.
    pub(crate) remaining: u64,
    /// Until everything is left again.
    pub(crate) full: Duration,
    /// Until the refused request would be allowed; zero where it was.
    pub(crate) retry: Duration,
}

impl Limit {
    pub const fn new(per_second: u64, burst: u64) -> Self {
        Self { per_second, burst }
    }

    pub(crate) const fn burst(self) -> u64 {
        self.burst
    }

    /// What one request costs, in microseconds of patience.
    pub(crate) const fn cost_micros(self) -> u64 {
        MICROS_PER_SECOND / self.per_second
    }

    /// What the whole burst costs.
    pub(crate) const fn depth_micros(self) -> u64 {
        self.cost_micros() * self.burst
    }

    /// Seconds in which the whole burst comes back, rounded up.
    pub(crate) const fn window_seconds(self) -> u64 {
        self.depth_micros().div_ceil(MICROS_PER_SECOND)
    }
}

impl FromStr for Limit {
    type Err = NotALimit;

    fn from_str(text: &str) -> Result<Self, NotALimit> {
        let (rate, burst) = text.split_once('/').ok_or(NotALimit)?;
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| NotALimit);
        let (per_second, burst) = (number(rate)?, number(burst)?);
        let sound = (1..=RATE_MAX).contains(&per_second) && (1..=BURST_MAX).contains(&burst);
        if sound { Ok(Self { per_second, burst }) } else { Err(NotALimit) }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.per_second, self.burst)
    }
}

/// Where a subject stands at `now` whose debts would be paid off at `paid_off`: what one more request makes of it, and
/// whether it may. Moments are microseconds of one clock.
pub(crate) fn judge(limit: Limit, paid_off: Option<u64>, now: u64) -> (u64, Count) {
    let (cost, depth) = (limit.cost_micros(), limit.depth_micros());
    // A clock that was set back, or a limit that was lowered, must not lock anybody out for longer than a full burst takes.
    let paid_off = paid_off.unwrap_or(now).clamp(now, now + depth);
    let next = paid_off + cost;
    match next.checked_sub(now + depth).filter(|over| *over > 0) {
        Some(over) => (paid_off, Count::at(limit, paid_off - now, over)),
        None => (next, Count::at(limit, next - now, 0)),
    }
}

impl Count {
    pub(crate) fn at(limit: Limit, debt_micros: u64, retry_micros: u64) -> Self {
        Self {
            remaining: (limit.depth_micros() - debt_micros.min(limit.depth_micros())) / limit.cost_micros(),
            full: Duration::from_micros(debt_micros),
            retry: Duration::from_micros(retry_micros),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit::new(10, 5);

    #[test]
    fn a_burst_is_allowed_exactly_and_then_one_request_each_tenth_of_a_second() {
        let mut state = None;
        let mut ask = |now| {
            let (next, count) = judge(LIMIT, state, now);
            state = Some(next);
            count
        };
        let start = 1_000_000_000;
        for left in (0..5).rev() {
            let count = ask(start);
            assert_eq!((count.retry, count.remaining), (Duration::ZERO, left));
        }
        assert_eq!(ask(start).retry, Duration::from_millis(100));
        assert_eq!(ask(start + 99_999).retry, Duration::from_micros(1));
        assert_eq!(ask(start + 100_000).retry, Duration::ZERO);
        assert_eq!(ask(start + 100_000).retry, Duration::from_millis(100));
        let rested = ask(start + 10_000_000);
        assert_eq!((rested.remaining, rested.full), (4, Duration::from_millis(100)));
    }

    #[test]
    fn a_clock_set_back_costs_at_most_a_full_burst() {
        let (_, count) = judge(LIMIT, Some(u64::MAX / 2), 1_000);
        assert_eq!(
            (count.remaining, count.full, count.retry),
            (0, Duration::from_millis(500), Duration::from_millis(100))
        );
    }

    #[test]
    fn a_limit_is_two_numbers_within_bounds() {
        assert_eq!("100/500".parse(), Ok(Limit::new(100, 500)));
        for wrong in ["", "100", "0/5", "5/0", "-1/5", "1/99999999999", "1/2/3", "a/b"] {
            assert_eq!(wrong.parse::<Limit>(), Err(NotALimit), "{wrong}");
        }
    }
}
