//! The feed in, read models out: follows the log and keeps each projection's tables equal to the fold of it.
//!
//! A projection's rows and its checkpoint move in one transaction, so whatever happens in between, nothing is applied
//! twice and nothing is left out. One loop serves catch-up and live. What cannot be applied is parked by stream and the
//! rest goes on; whatever is wrong with the machine instead (Postgres away, disk full) is retried and shows as lag.
//!
//! This crate decides nothing, never writes to the log and never asks a decider: it knows events as facts only.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is"))]

mod apply;
mod backoff;
mod checkpoint;
mod config;
mod event;
mod failure;
mod feed;
mod follow;
mod generations;
mod metrics;
mod operations;
mod parked;
mod pools;
mod progress;
mod projection;
mod projections;
mod projector;
mod redis_models;
mod registry;
mod rows;
mod sieve;
mod standing;
mod supervisor;

#[cfg(test)]
mod tests;

pub use config::{CONNECTIONS, Config, FeedFrom};
pub use feed::kafka::KafkaMetrics;
pub use metrics::{Metrics, VerifyMetrics};
pub use projector::{Projector, Stopped};
pub use standing::{Behind, Standing};
