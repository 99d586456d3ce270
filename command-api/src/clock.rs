//! Between the domain's microseconds and the calendar of SQL and JSON. It reads no clock.

use chrono::{DateTime, Utc};
use domain::vocabulary::{Invalid, Timestamp};

/// Moments beyond the calendar become its end; the domain's own bounds lie well inside.
#[must_use]
pub fn to_utc(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.micros()).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[must_use]
pub fn from_utc(at: DateTime<Utc>) -> Timestamp {
    Timestamp::from_micros(at.timestamp_micros())
}

/// A moment a client named.
pub fn parse(at: DateTime<Utc>) -> Result<Timestamp, Invalid> {
    Timestamp::parse_micros(at.timestamp_micros())
}
