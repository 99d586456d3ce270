//! What the Kafka feed counts, each metric a documented field.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct KafkaMetrics {
    /// `securenet_kafka_feed_records_total` by `fate`: `taken`, `duplicate`, `dead_epoch` (from before a restore), or
    /// `unreadable` (read from the store instead).
    pub records: IntCounterVec,
    /// `securenet_kafka_feed_partitions`: how many this process works on.
    pub partitions: IntGauge,
    /// `securenet_kafka_feed_lag_events`: events in the log, of these partitions, that Kafka has not brought yet.
    pub lag_events: IntGauge,
    /// `securenet_kafka_feed_refilled_total`: times the store had more than a silent partition had brought.
    pub refilled: IntCounter,
    /// `securenet_kafka_feed_held_back`: 1 while fetching waits for the projections.
    pub held_back: IntGauge,
    /// `securenet_kafka_feed_rebalances_total`: times partitions came or went.
    pub rebalances: IntCounter,
    /// `securenet_kafka_feed_errors_total`: what the client reported, brokers that are away among it.
    pub errors: IntCounter,
    /// `securenet_kafka_feed_expelled_total`: times the group went on without this process because it did not poll.
    pub expelled: IntCounter,
}

impl KafkaMetrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name, help| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let gauge = |name, help| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let records = IntCounterVec::new(
            Opts::new("securenet_kafka_feed_records_total", "Records of the topic by what became of them."),
            &["fate"],
        )?;
        registry.register(Box::new(records.clone()))?;
        Ok(Self {
            records,
            partitions: gauge("securenet_kafka_feed_partitions", "Partitions this process works on.")?,
            lag_events: gauge("securenet_kafka_feed_lag_events", "Events that Kafka has not brought yet.")?,
            refilled: counter("securenet_kafka_feed_refilled_total", "Silent partitions read from the store.")?,
            held_back: gauge("securenet_kafka_feed_held_back", "1 while fetching waits for the projections.")?,
            rebalances: counter("securenet_kafka_feed_rebalances_total", "Times partitions came or went.")?,
            errors: counter("securenet_kafka_feed_errors_total", "Errors that the Kafka client reported.")?,
            expelled: counter("securenet_kafka_feed_expelled_total", "Times the group went on without us.")?,
        })
    }
}
