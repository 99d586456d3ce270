//! Plumbing every process shares and no word of the domain.
//!
//! Each module is one concern a service wires up in its `server` or `config`: where settings come from, what an error
//! looks like, who is calling, how it is measured, how it stops. Nothing here knows a device, a finding or an event.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands"))]

pub mod auth;
pub mod denials;
pub mod env;
pub mod health;
pub mod json;
pub mod kafka;
pub mod keyring;
pub mod metrics;
pub mod position;
pub mod postgres;
#[cfg(any(test, feature = "private-kafka"))]
pub mod private_kafka;
#[cfg(any(test, feature = "private-postgres"))]
pub mod private_postgres;
#[cfg(any(test, feature = "private-redis"))]
pub mod private_redis;
pub mod problem;
pub mod rate_limit;
pub mod redis;
pub mod request_id;
pub mod security_headers;
pub mod shutdown;
pub mod telemetry;
pub mod trace;
pub mod words;

#[cfg(any(test, feature = "test-support"))]
pub mod testing;
