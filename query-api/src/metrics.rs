//! What this service counts, each metric a documented field.
//!
//! Requests themselves are counted by the platform's middleware.

use platform::postgres::replicas;
use prometheus::{Histogram, HistogramOpts, IntCounter, Registry};

/// Upper bounds of waits in seconds, up to the longest wait there is.
const WAIT_BUCKETS_SECONDS: [f64; 9] = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 2.0];

/// The metrics of query-api.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// `query_consistency_wait_seconds`: how long requests with `X-Consistency` waited for the projections, those
    /// that did not have to wait left out.
    pub consistency_wait_seconds: Histogram,
    /// `query_consistency_timeouts_total`: requests answered 425 because a projection did not get there in time.
    pub consistency_timeouts: IntCounter,
    /// `query_summary_requests_total`: summaries asked for.
    pub summary_requests: IntCounter,
    /// `query_summary_computed_total`: summaries worked out from Postgres.
    pub summary_computed: IntCounter,
    /// `query_summary_copied_total`: summaries worked out from the copy in Redis; the rest came from the process's cache.
    pub summary_copied: IntCounter,
    /// `query_replica_reads_total`: reads that a replica was asked for.
    pub replica_reads: IntCounter,
    /// `query_replica_fallbacks_total`: reads that a replica could not answer and the primary had to.
    pub replica_fallbacks: IntCounter,
    /// `securenet_replica_…`: where the replicas stand.
    pub replicas: replicas::Metrics,
    /// `query_kept_answers_total`: pages answered from what was kept of them.
    pub kept_answers: IntCounter,
    /// `query_denials_total`: requests refused for lack of a right.
    pub denials: IntCounter,
}

impl Metrics {
    /// Fails only when the names are registered already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let waits = HistogramOpts::new(
            "query_consistency_wait_seconds",
            "Time requests with X-Consistency waited for the projections.",
        );
        let metrics = Self {
            consistency_wait_seconds: Histogram::with_opts(waits.buckets(WAIT_BUCKETS_SECONDS.to_vec()))?,
            consistency_timeouts: IntCounter::new(
                "query_consistency_timeouts_total",
                "Requests answered 425 because a projection did not get there in time.",
            )?,
            summary_requests: IntCounter::new("query_summary_requests_total", "Summaries asked for.")?,
            summary_computed: IntCounter::new("query_summary_computed_total", "Summaries worked out from Postgres.")?,
            summary_copied: IntCounter::new(
                "query_summary_copied_total",
                "Summaries worked out from the copy in Redis.",
            )?,
            replica_reads: IntCounter::new("query_replica_reads_total", "Reads that a replica was asked for.")?,
            replica_fallbacks: IntCounter::new(
                "query_replica_fallbacks_total",
                "Reads that a replica could not answer and the primary had to.",
            )?,
            replicas: replicas::Metrics::register(registry)?,
            kept_answers: IntCounter::new("query_kept_answers_total", "Pages answered from what was kept of them.")?,
            denials: IntCounter::new("query_denials_total", "Requests refused for lack of a right.")?,
        };
        registry.register(Box::new(metrics.consistency_wait_seconds.clone()))?;
        registry.register(Box::new(metrics.consistency_timeouts.clone()))?;
        registry.register(Box::new(metrics.summary_requests.clone()))?;
        registry.register(Box::new(metrics.summary_computed.clone()))?;
        registry.register(Box::new(metrics.summary_copied.clone()))?;
        registry.register(Box::new(metrics.replica_reads.clone()))?;
        registry.register(Box::new(metrics.replica_fallbacks.clone()))?;
        registry.register(Box::new(metrics.kept_answers.clone()))?;
        registry.register(Box::new(metrics.denials.clone()))?;
        Ok(metrics)
    }
}
