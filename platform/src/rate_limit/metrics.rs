//! What the limits count, each metric a documented field.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

/// The metrics of the limits; registered once a process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// `securenet_rate_limit_requests_total`: requests judged, by class and outcome (`allowed` or `limited`).
    pub requests: IntCounterVec,
    /// `securenet_rate_limit_fallbacks_total`: requests that this process counted by itself because Redis was away.
    pub fallbacks: IntCounter,
}

impl Metrics {
    /// Fails only when the names are registered already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            requests: IntCounterVec::new(
                Opts::new("securenet_rate_limit_requests_total", "Requests judged, by class and outcome."),
                &["class", "outcome"],
            )?,
            fallbacks: IntCounter::new(
                "securenet_rate_limit_fallbacks_total",
                "Requests counted in this process alone because Redis was away.",
            )?,
        };
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.fallbacks.clone()))?;
        Ok(metrics)
    }
}
