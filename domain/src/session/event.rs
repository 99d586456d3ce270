//! What happened to a session.

use crate::vocabulary::{Timestamp, UserId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Started { user: UserId, expires_at: Timestamp },
    LoggedOut,
    Expired,
}
