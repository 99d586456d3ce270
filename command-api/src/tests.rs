//! Commands as clients send them, against a real Postgres.

mod access;
mod assets;
mod denials;
mod pooler;
mod scans;
mod timer;
mod triage;
mod users;
mod world;
