//! Pure deciders: what may happen to an organization, a device, a finding, and what follows.
//!
//! Every aggregate has the same five files: what somebody wants (`command`), what happened (`event`), what is true now
//! (`state`), the rules that lead from one to the other (`decide`), and sentences that hold (`tests`).
//!
//! Nothing here reads a clock, draws a random number, knows JSON or a database: time, ids and chance are arguments, so
//! that a decision can be made again after a conflict and comes out the same.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that meets the unexpected should stop right there"))]

pub mod access;
pub mod api_key;
pub mod decider;
pub mod device;
pub mod finding;
pub mod organization;
pub mod projection;
pub mod scan;
pub mod session;
pub mod testing;
pub mod user;
pub mod vocabulary;
