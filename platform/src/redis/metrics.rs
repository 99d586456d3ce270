//! What this process counts of Redis, each metric a documented field.

use prometheus::{Counter, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Up to the longest that anybody waits.
const REQUEST_BUCKETS_SECONDS: [f64; 9] = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.25];

/// The metrics of Redis; registered once a process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// `securenet_redis_requests_total`: commands by outcome: `answered`, `refused` by Redis, `timed-out`, `lost` with the
    /// connection, or `away` and not sent at all.
    pub requests: IntCounterVec,
    /// `securenet_redis_request_seconds`: from a command to its answer.
    pub request_seconds: Histogram,
    /// `securenet_redis_breaker_open`: 1 while commands are not sent because Redis is away.
    pub open: IntGauge,
    /// `securenet_redis_degraded_seconds_total`: how long that was, in all.
    pub degraded_seconds: Counter,
    /// `securenet_redis_connects_total`: connections made.
    pub connects: IntCounter,
}

impl Metrics {
    /// Fails only when the names are registered already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let seconds = HistogramOpts::new("securenet_redis_request_seconds", "From a command to its answer.");
        let metrics = Self {
            requests: IntCounterVec::new(
                Opts::new("securenet_redis_requests_total", "Commands to Redis, by outcome."),
                &["outcome"],
            )?,
            request_seconds: Histogram::with_opts(seconds.buckets(REQUEST_BUCKETS_SECONDS.to_vec()))?,
            open: IntGauge::new(
                "securenet_redis_breaker_open",
                "1 while commands are not sent because Redis is away.",
            )?,
            degraded_seconds: Counter::new("securenet_redis_degraded_seconds_total", "Seconds without Redis, in all.")?,
            connects: IntCounter::new("securenet_redis_connects_total", "Connections made to Redis.")?,
        };
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.request_seconds.clone()))?;
        registry.register(Box::new(metrics.open.clone()))?;
        registry.register(Box::new(metrics.degraded_seconds.clone()))?;
        registry.register(Box::new(metrics.connects.clone()))?;
        Ok(metrics)
    }
}
