//! Commands in, events out: load, decide, append, answer.
//!
//! The only way to change anything. It owns the event store and never reads a read model: what it decides on is
//! strongly consistent, and what it answers are ids, versions and positions.
// A request's future nests deeper than the compiler's default looks when it computes its layout, optimizing.
#![recursion_limit = "256"]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that meets the unexpected should stop right there"))]

pub mod accounts;
pub mod appender;
pub mod assigning;
pub mod caller;
pub mod clock;
pub mod config;
pub mod denials;
pub mod error;
pub mod event_store;
pub mod fields;
pub mod handle;
pub mod idempotency;
pub mod keys;
pub mod lease;
pub mod log_in;
pub mod membership;
pub mod metrics;
mod openapi;
pub mod origin;
pub mod passwords;
pub mod raising;
pub mod relay;
pub mod routes;
pub mod scans;
pub mod server;
#[cfg(test)]
mod tests;
pub mod timer;
pub mod token;

pub use event_schemas::asyncapi::document as asyncapi;
pub use event_schemas::topic::TOPIC;
pub use openapi::openapi;
