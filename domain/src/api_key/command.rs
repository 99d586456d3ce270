//! What may be wanted of a key.

use crate::api_key::PublicId;
use crate::vocabulary::{Name, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The purpose of every key is scanning. One without an end works until it is revoked.
    Issue {
        name: Name,
        public_id: PublicId,
        expires_at: Option<Timestamp>,
    },
    Revoke,
    /// Sent by the timer, which may be late but must not be early.
    Expire,
}
