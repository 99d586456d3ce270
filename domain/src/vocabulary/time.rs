//! Moments, as microseconds since the Unix epoch in UTC. Nothing here reads a clock.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::Invalid;

/// How far another machine's clock may run ahead of ours before we stop believing it.
pub const CLOCK_SKEW_MAX_SECONDS: u64 = 5 * 60;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const EPOCH: Self = Self(0);

    /// 9999-12-31T23:59:59.999999Z, the last moment RFC 3339 can write.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// For moments that come from outside: between 1970 and 9999.
    pub fn parse_micros(micros: i64) -> Result<Self, Invalid> {
        if (Self::EPOCH.0..=Self::MAX.0).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(Invalid::new("time-out-of-range", "the time must lie between the years 1970 and 9999"))
        }
    }

    /// Whether an observation of this time cannot have been made by `now`, whatever the other clock says.
    pub fn is_in_the_future_at(self, now: Self) -> bool {
        self > now.plus(Duration::from_secs(CLOCK_SKEW_MAX_SECONDS))
    }

    /// Saturates at what a microsecond count can hold.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(whole_micros(span)))
    }

    /// Saturates at what a microsecond count can hold.
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(whole_micros(span)))
    }

    /// How much later this is than `earlier`; nothing if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        let micros = i128::from(self.0) - i128::from(earlier.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }
}

/// The bare number: the edges write dates their own way.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}µs", self.0)
    }
}

fn whole_micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
