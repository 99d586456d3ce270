//! The rules of a session, one arm per situation and wish.

use std::time::Duration;

use crate::decider::Reason;
use crate::session::{Command, Event, Session};
use crate::vocabulary::Timestamp;

/// However busy somebody is, after so long they show again who they are.
pub const SESSION_MAX_HOURS: u64 = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("this session has not been started")]
    NotStarted,
    #[error("this session has been started before")]
    AlreadyStarted,
    #[error("this session has ended; log in again")]
    Ended,
    #[error("a session must end after it starts")]
    EndNotInFuture,
    #[error("a session lasts at most {SESSION_MAX_HOURS} hours")]
    TooLong,
    #[error("this session's time is not up yet")]
    NotYetExpired,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotStarted => "session-not-started",
            Self::AlreadyStarted => "session-already-started",
            Self::Ended => "session-ended",
            Self::EndNotInFuture => "session-end-not-in-future",
            Self::TooLong => "session-too-long",
            Self::NotYetExpired => "session-not-yet-expired",
        }
    }
}

pub(super) fn decide(session: &Session, command: &Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    use {Command as C, Event as E, Session as S};
    Ok(match (session, command) {
        (S::Unstarted, C::Start { expires_at, .. }) if *expires_at <= now => return Err(Refusal::EndNotInFuture),
        (S::Unstarted, C::Start { expires_at, .. }) if *expires_at > latest_end(now) => return Err(Refusal::TooLong),
        (S::Unstarted, &C::Start { user, expires_at }) => vec![E::Started { user, expires_at }],
        (S::Unstarted, C::LogOut | C::Expire) => return Err(Refusal::NotStarted),

        (S::Running { user, expires_at }, C::Start { user: same, expires_at: end })
            if (user, expires_at) == (same, end) =>
        {
            vec![]
        }
        (S::Running { .. }, C::Start { .. }) => return Err(Refusal::AlreadyStarted),
        (S::Running { .. }, C::LogOut) => vec![E::LoggedOut],
        (S::Running { expires_at, .. }, C::Expire) if now < *expires_at => return Err(Refusal::NotYetExpired),
        (S::Running { .. }, C::Expire) => vec![E::Expired],

        (S::Ended { .. }, C::Start { .. }) => return Err(Refusal::Ended),
        (S::Ended { .. }, C::LogOut | C::Expire) => vec![],
    })
}

fn latest_end(now: Timestamp) -> Timestamp {
    now.plus(Duration::from_secs(SESSION_MAX_HOURS * 60 * 60))
}
