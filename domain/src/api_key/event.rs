//! What happened to a key.

use crate::api_key::PublicId;
use crate::vocabulary::{Name, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Issued { name: Name, public_id: PublicId, expires_at: Option<Timestamp> },
    Revoked,
    Expired,
}
