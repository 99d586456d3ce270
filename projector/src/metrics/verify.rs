//! What verifications found.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

const PROJECTION: &[&str] = &["projection"];

/// The metrics of verifications. Cheap to clone.
#[derive(Clone, Debug)]
pub struct VerifyMetrics {
    /// `securenet_projection_verify_total`: verifications by outcome: `equal`, `diverged`, or `refused` where none was possible.
    pub runs: IntCounterVec,
    /// `securenet_projection_verify_diverged`: 1 while the last verification found rows that are not the fold of the log.
    pub diverged: IntGaugeVec,
    /// `securenet_projection_verify_partitions_total`: partitions compared.
    pub partitions: IntCounterVec,
    /// `securenet_projection_verify_events_total`: events folded again to compare.
    pub events: IntCounterVec,
}

impl VerifyMetrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            runs: IntCounterVec::new(
                Opts::new("securenet_projection_verify_total", "Verifications by their outcome."),
                &["projection", "outcome"],
            )?,
            diverged: IntGaugeVec::new(
                Opts::new("securenet_projection_verify_diverged", "1 while the last verification found wrong rows."),
                PROJECTION,
            )?,
            partitions: IntCounterVec::new(
                Opts::new("securenet_projection_verify_partitions_total", "Partitions compared."),
                PROJECTION,
            )?,
            events: IntCounterVec::new(
                Opts::new("securenet_projection_verify_events_total", "Events folded again to compare."),
                PROJECTION,
            )?,
        };
        registry.register(Box::new(metrics.runs.clone()))?;
        registry.register(Box::new(metrics.diverged.clone()))?;
        registry.register(Box::new(metrics.partitions.clone()))?;
        registry.register(Box::new(metrics.events.clone()))?;
        Ok(metrics)
    }

    pub(crate) fn equal(&self, projection: &str) {
        self.runs.with_label_values(&[projection, "equal"]).inc();
        self.diverged.with_label_values(&[projection]).set(0);
    }

    pub(crate) fn diverged(&self, projection: &str) {
        self.runs.with_label_values(&[projection, "diverged"]).inc();
        self.diverged.with_label_values(&[projection]).set(1);
    }

    pub(crate) fn refused(&self, projection: &str) {
        self.runs.with_label_values(&[projection, "refused"]).inc();
    }
}
