//! The one binary of acceptance tests. Each file is a promise seen from outside; each name is a sentence of it.
#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected should stop right there")]

mod acceptances;
mod accounts;
mod architecture;
mod asyncapi;
mod audit_trail;
mod bad_http;
mod bad_input;
mod chaos;
mod compose;
mod consumers;
mod crashes;
mod device_limit;
mod first_steps;
mod freshness;
mod full;
mod fuzzing;
mod idempotency;
mod isolation;
mod log_order;
mod nmap;
mod paging;
mod projections;
mod redis;
mod rights;
mod row_level_security;
mod search;
mod sessions;
mod starting;
mod summary;
mod tools;
mod versions;
