//! How a service reaches Kafka: settings from the environment, the client configurations that our promises rest on, and
//! the topic itself. Without `SECURENET_KAFKA_BROKERS` there is no Kafka, and the store feeds the projector.
//!
//! It produces and consumes nothing, and knows no event: that is the relay's and the feed's.

pub mod reach;
mod settings;
#[cfg(test)]
mod tests;
pub mod topics;

pub use settings::{Mechanism, Sasl, Settings, Tls, TlsIdentity, TopicSettings};
