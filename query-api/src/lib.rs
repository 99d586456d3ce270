//! Read models in, answers out: the query side of SecureNet.
//!
//! It knows what an answer looks like and who may see it. It never learns of an event or a command, writes nothing,
//! and sees one tenant at a time: Postgres's row-level security stands behind every statement.
//!
//! ```text
//! request → access (who, may they) → parameters → freshness (wait for a position) → TenantTx → views → page or ETag
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failing test should stop where it fails"))]

pub mod access;
pub mod answers;
pub mod cache;
pub mod conditional;
pub mod config;
pub mod copies;
pub mod denials;
pub mod docs;
pub mod error;
pub mod freshness;
pub mod metrics;
pub mod openapi;
pub mod page;
pub mod parameters;
pub mod routes;
pub mod server;
pub mod standbys;
pub mod tenant_tx;
pub mod tenant_versions;
pub mod versions;
pub mod views;
pub mod vocabulary;

#[cfg(test)]
mod tests;

pub use access::{Denial, DenialSink};
pub use config::Config;
pub use openapi::openapi;
pub use server::{QueryApi, Services};
