//! What is known of an event beside what happened: the header, which proves, and meta, which only helps.
//!
//! The header is kept as its exact bytes, since a later tree of hashes commits to them: sorted ASCII keys, integers
//! only, no personal data. There is one spelling of a header, and [`Header::parse`] refuses every other.

mod actor;
mod header;
mod meta;

pub use actor::{Actor, UnknownActor};
pub use header::{BodyMismatch, Header, HeaderError};
pub use meta::{IP_PATH, Meta, MetaError, USER_AGENT_PATH};
