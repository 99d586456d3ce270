//! The relay against a real log, and a Kafka: mocked where faults are injected, real where the broker's part counts.

mod epochs;
mod faults;
mod flow;
mod sharing;
mod world;

pub(crate) use world::record;
