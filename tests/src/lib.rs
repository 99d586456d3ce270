//! SecureNet from outside, over HTTP: real processes and a real Postgres.
//!
//! Here is what tests share: servers, callers, waiting, documents. The tests themselves are in `it`, one binary.

pub mod callers;
pub mod chaos;
pub mod cluster;
pub mod dice;
pub mod eventually;
pub mod history;
pub mod load;
pub mod openapi;
pub mod server;
pub mod topic;
