//! What the relay measures of itself, one documented field a metric.

use prometheus::{Gauge, IntCounter, IntGauge, Registry};

/// Cheap to clone.
#[derive(Clone)]
pub struct RelayMetrics {
    /// `securenet_relay_published_total`: messages that Kafka has acknowledged, repetitions included.
    pub published: IntCounter,
    /// `securenet_relay_failures_total`: messages that Kafka refused for good; each is sent again.
    pub failures: IntCounter,
    /// `securenet_relay_producers_total`: producers made; more than one means that one failed or a lease was lost.
    pub producers: IntCounter,
    /// `securenet_relay_sessions_failed_total`: times that the relay began again from its checkpoints.
    pub sessions_failed: IntCounter,
    /// `securenet_relay_leases_lost_total`: partitions that another relay took, or that were not renewed in time.
    pub leases_lost: IntCounter,
    /// `securenet_relay_held_partitions`: partitions that this relay publishes.
    pub held: IntGauge,
    /// `securenet_relay_halted`: 1 while the topic holds what the log does not, and nothing is published.
    pub halted: IntGauge,
    /// `securenet_relay_lag_events`: committed and not yet acknowledged by Kafka, in the partitions held.
    pub lag_events: IntGauge,
    /// `securenet_relay_lag_seconds`: the age of the oldest of them, as looked at each second.
    pub lag_seconds: Gauge,
}

impl RelayMetrics {
    /// # Panics
    /// When the registry already holds metrics of these names: one process, one set.
    pub fn register(registry: &Registry) -> Self {
        let counter = |name: &str, help: &str| {
            let metric = IntCounter::new(name, help).expect("the options are constants");
            registry.register(Box::new(metric.clone())).expect("registered once a process");
            metric
        };
        let gauge = |name: &str, help: &str| {
            let metric = IntGauge::new(name, help).expect("the options are constants");
            registry.register(Box::new(metric.clone())).expect("registered once a process");
            metric
        };
        let lag_seconds = Gauge::new("securenet_relay_lag_seconds", "Age of the oldest event not yet published.")
            .expect("the options are constants");
        registry.register(Box::new(lag_seconds.clone())).expect("registered once a process");
        Self {
            published: counter("securenet_relay_published_total", "Messages acknowledged by Kafka."),
            failures: counter("securenet_relay_failures_total", "Messages that Kafka refused; each is sent again."),
            producers: counter("securenet_relay_producers_total", "Producers made."),
            sessions_failed: counter("securenet_relay_sessions_failed_total", "Times the relay began again."),
            leases_lost: counter("securenet_relay_leases_lost_total", "Partitions lost to another relay or to time."),
            held: gauge("securenet_relay_held_partitions", "Partitions that this relay publishes."),
            halted: gauge("securenet_relay_halted", "1 while the topic holds what the log does not."),
            lag_events: gauge("securenet_relay_lag_events", "Events committed and not yet published."),
            lag_seconds,
        }
    }
}
