//! The written form of events: envelope, catalogue, codec, upcasters, golden samples, JSON Schemas.
//!
//! The domain says what happened in types that may improve; this crate says it in bytes that are for ever. Every event
//! has a stored name and versions; a version's struct and its sample are never edited, a change is a new version with a typed
//! step (`Upcast`) from the one before. Nothing here does IO, reads the clock or decides.
//!
//! | module | holds |
//! |---|---|
//! | [`envelope`] | header and meta: who, when, which stream |
//! | [`catalogue`] | type ↔ stored name ↔ version |
//! | [`codec`] | domain event → bytes, bytes → [`Written`] → domain event |
//! | [`finding`], [`device`], … | the written events of one aggregate, and their conversions |
//! | [`schemas`] | JSON Schema per stored version, and what would break its readers |
//! | [`asyncapi`] | the topic as an AsyncAPI document |
//! | [`topic`] | a row of the log as a message on Kafka, and back |
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failing test should stop where it fails"))]

mod family;
mod parse;
mod words;

pub mod access;
pub mod api_key;
pub mod asyncapi;
pub mod catalogue;
pub mod codec;
pub mod device;
pub mod envelope;
pub mod finding;
pub mod organization;
pub mod projection;
pub mod scan;
pub mod schemas;
pub mod session;
pub mod topic;
pub mod user;
mod written;

pub use catalogue::{EventType, check_catalogue};
pub use codec::{
    BODY_MAX_BYTES, DecodeError, Decoded, EncodeError, Encoded, NoKeys, Recorded, SealContext, SubjectKey, SubjectKeys,
    decode, decode_event, encode, encode_written,
};
pub use envelope::{Actor, Header, HeaderError, Meta};
pub use family::Fault;
pub use parse::Broken;
pub use written::Written;

#[cfg(test)]
mod tests;
