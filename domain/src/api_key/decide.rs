//! The rules of a key, one arm per situation and wish.

use std::time::Duration;

use crate::api_key::{ApiKey, Command, Event};
use crate::decider::Reason;
use crate::vocabulary::Timestamp;

/// A key that is to end does so within a year; somebody must want it again.
pub const API_KEY_MAX_DAYS: u64 = 365;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("this key has not been issued")]
    NotIssued,
    #[error("this key has been issued before, in another way")]
    AlreadyIssued,
    #[error("this key has been revoked or has expired; issue another one")]
    Ended,
    #[error("a key must expire after it is issued")]
    EndNotInFuture,
    #[error("a key that expires does so within {API_KEY_MAX_DAYS} days")]
    TooLong,
    #[error("this key's time is not up yet")]
    NotYetExpired,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotIssued => "api-key-not-issued",
            Self::AlreadyIssued => "api-key-already-issued",
            Self::Ended => "api-key-ended",
            Self::EndNotInFuture => "api-key-end-not-in-future",
            Self::TooLong => "api-key-too-long",
            Self::NotYetExpired => "api-key-not-yet-expired",
        }
    }
}

pub(super) fn decide(key: &ApiKey, command: Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    use {ApiKey as K, Command as C, Event as E};
    Ok(match (key, command) {
        (K::Unissued, C::Issue { expires_at: Some(end), .. }) if end <= now => return Err(Refusal::EndNotInFuture),
        (K::Unissued, C::Issue { expires_at: Some(end), .. }) if end > latest_end(now) => {
            return Err(Refusal::TooLong);
        }
        (K::Unissued, C::Issue { name, public_id, expires_at }) => vec![E::Issued { name, public_id, expires_at }],
        (K::Unissued, C::Revoke | C::Expire) => return Err(Refusal::NotIssued),

        (live @ K::Live { .. }, C::Issue { name, public_id, expires_at }) => {
            if *live != (K::Live { name, public_id, expires_at }) {
                return Err(Refusal::AlreadyIssued);
            }
            vec![]
        }
        (K::Live { .. }, C::Revoke) => vec![E::Revoked],
        (K::Live { expires_at: Some(end), .. }, C::Expire) if *end <= now => vec![E::Expired],
        (K::Live { .. }, C::Expire) => return Err(Refusal::NotYetExpired),

        (K::Ended, C::Issue { .. }) => return Err(Refusal::Ended),
        (K::Ended, C::Revoke | C::Expire) => vec![],
    })
}

fn latest_end(now: Timestamp) -> Timestamp {
    now.plus(Duration::from_secs(API_KEY_MAX_DAYS * 24 * 60 * 60))
}
