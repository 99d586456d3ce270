//! What may be wanted of a session.

use crate::vocabulary::{Timestamp, UserId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// The password has been checked; who checks it is not known here.
    Start {
        user: UserId,
        expires_at: Timestamp,
    },
    LogOut,
    /// Sent by the timer, which may be late but must not be early.
    Expire,
}
