//! What the projector counts, each metric a documented field. Most are labelled with projection and generation.

mod verify;

use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::feed::kafka::KafkaMetrics;
use crate::registry::Target;

pub use verify::VerifyMetrics;

const LABELS: &[&str] = &["projection", "generation"];
const BATCH_BUCKETS_EVENTS: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0];
const APPLY_BUCKETS_SECONDS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0];

/// The metrics of the projector. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// `securenet_projection_lag_events`: events in the log that are not applied yet.
    pub lag_events: IntGaugeVec,
    /// `securenet_projection_lag_seconds`: the age of the oldest event that is not applied yet; 0 when there is none.
    pub lag_seconds: GaugeVec,
    /// `securenet_projection_batch_events`: events of one batch.
    pub batch_events: HistogramVec,
    /// `securenet_projection_apply_seconds`: one batch from the lock on its checkpoints to its commit.
    pub apply_seconds: HistogramVec,
    /// `securenet_projection_events_total`: events taken into account, those parked or ignored among them.
    pub events: IntCounterVec,
    /// `securenet_projection_retries_total`: batches that the machine, not an event, kept from being applied.
    pub retries: IntCounterVec,
    /// `securenet_projection_parked_streams`: streams that wait because one of their events could not be applied.
    pub parked_streams: IntGaugeVec,
    /// `securenet_projection_stopped`: 1 where a restore took back what a generation was made of.
    pub stopped: IntGaugeVec,
    /// `securenet_projector_stale_total`: batches refused because the log does not have their events any more.
    pub stale: IntCounter,
    pub verify: VerifyMetrics,
    /// Of the Kafka feed; they stay at zero where there is none.
    pub kafka: KafkaMetrics,
    pub(crate) redis: RedisMetrics,
}

/// What the copies in Redis count.
#[derive(Clone, Debug)]
pub(crate) struct RedisMetrics {
    /// `securenet_redis_copies_total`: copies worked out, by outcome: `written`, or `older` than what was there already.
    pub copies: IntCounterVec,
    /// `securenet_redis_owed_tenants`: tenants whose copy was owed at the last look; no look counts more than one round.
    pub owed: IntGauge,
}

impl RedisMetrics {
    fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            copies: IntCounterVec::new(
                Opts::new("securenet_redis_copies_total", "Copies of read models worked out for Redis, by outcome."),
                &["outcome"],
            )?,
            owed: IntGauge::new(
                "securenet_redis_owed_tenants",
                "Tenants whose copy in Redis was owed at the last look.",
            )?,
        };
        registry.register(Box::new(metrics.copies.clone()))?;
        registry.register(Box::new(metrics.owed.clone()))?;
        Ok(metrics)
    }
}

impl Metrics {
    /// Fails only when the names are registered already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let batch = HistogramOpts::new("securenet_projection_batch_events", "Events of one batch.");
        let apply = HistogramOpts::new("securenet_projection_apply_seconds", "One batch from its lock to its commit.");
        let metrics = Self {
            redis: RedisMetrics::register(registry)?,
            lag_events: IntGaugeVec::new(
                Opts::new("securenet_projection_lag_events", "Events in the log that are not applied yet."),
                LABELS,
            )?,
            lag_seconds: GaugeVec::new(
                Opts::new("securenet_projection_lag_seconds", "Age of the oldest event that is not applied yet."),
                LABELS,
            )?,
            batch_events: HistogramVec::new(batch.buckets(BATCH_BUCKETS_EVENTS.to_vec()), LABELS)?,
            apply_seconds: HistogramVec::new(apply.buckets(APPLY_BUCKETS_SECONDS.to_vec()), LABELS)?,
            events: IntCounterVec::new(
                Opts::new("securenet_projection_events_total", "Events taken into account."),
                LABELS,
            )?,
            retries: IntCounterVec::new(
                Opts::new("securenet_projection_retries_total", "Batches that the machine kept from being applied."),
                LABELS,
            )?,
            parked_streams: IntGaugeVec::new(
                Opts::new("securenet_projection_parked_streams", "Streams that wait for a decision about an event."),
                LABELS,
            )?,
            stopped: IntGaugeVec::new(
                Opts::new("securenet_projection_stopped", "1 where a restore took back what a generation was made of."),
                LABELS,
            )?,
            stale: IntCounter::new(
                "securenet_projector_stale_total",
                "Batches refused because the log does not have their events any more.",
            )?,
            verify: VerifyMetrics::register(registry)?,
            kafka: KafkaMetrics::register(registry)?,
        };
        registry.register(Box::new(metrics.lag_events.clone()))?;
        registry.register(Box::new(metrics.lag_seconds.clone()))?;
        registry.register(Box::new(metrics.batch_events.clone()))?;
        registry.register(Box::new(metrics.apply_seconds.clone()))?;
        registry.register(Box::new(metrics.events.clone()))?;
        registry.register(Box::new(metrics.retries.clone()))?;
        registry.register(Box::new(metrics.parked_streams.clone()))?;
        registry.register(Box::new(metrics.stopped.clone()))?;
        registry.register(Box::new(metrics.stale.clone()))?;
        Ok(metrics)
    }

    /// What a generation shows now says nothing once it is not followed any more.
    pub(crate) fn forget(&self, target: Target) {
        let labels = target.labels();
        for gauge in [&self.lag_events, &self.parked_streams, &self.stopped] {
            // One that was never shown needs no forgetting.
            let _ = gauge.remove_label_values(&labels);
        }
        let _ = self.lag_seconds.remove_label_values(&labels);
    }
}
