//! What the command side measures of itself, one documented field a metric.

use prometheus::{Gauge, Histogram, HistogramOpts, IntCounter, Registry};

/// The appender's figures. Cheap to clone.
#[derive(Clone)]
pub struct AppendMetrics {
    /// `securenet_append_batch_commands`: commands in one call of the store.
    pub batch_commands: Histogram,
    /// `securenet_append_call_seconds`: one call of the store, flush included.
    pub call_seconds: Histogram,
    /// `securenet_append_command_seconds`: a command from the queue to its answer.
    pub command_seconds: Histogram,
    /// `securenet_append_queue_commands`: commands waiting for one appender, as it last saw it.
    pub queue_depth: Gauge,
    /// `securenet_append_overloaded_total`: commands refused because too many waited, or waited too long.
    pub overloaded: IntCounter,
    /// `securenet_append_unknown_outcomes_total`: commands answered `outcome-unknown`.
    pub unknown_outcomes: IntCounter,
}

impl AppendMetrics {
    /// # Panics
    /// When the registry already holds metrics of these names: one process, one set.
    pub fn register(registry: &Registry) -> Self {
        let seconds = prometheus::exponential_buckets(0.000_5, 2.0, 15).expect("the bounds are constants in order");
        let commands = prometheus::exponential_buckets(1.0, 2.0, 11).expect("the bounds are constants in order");
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            let metric = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))
                .expect("the options are constants");
            registry.register(Box::new(metric.clone())).expect("registered once a process");
            metric
        };
        let counter = |name: &str, help: &str| {
            let metric = IntCounter::new(name, help).expect("the options are constants");
            registry.register(Box::new(metric.clone())).expect("registered once a process");
            metric
        };
        let queue_depth = Gauge::new("securenet_append_queue_commands", "Commands waiting for one appender.")
            .expect("the options are constants");
        registry.register(Box::new(queue_depth.clone())).expect("registered once a process");
        Self {
            batch_commands: histogram(
                "securenet_append_batch_commands",
                "Commands in one call of the store.",
                &commands,
            ),
            call_seconds: histogram(
                "securenet_append_call_seconds",
                "One call of the store, flush included.",
                &seconds,
            ),
            command_seconds: histogram(
                "securenet_append_command_seconds",
                "A command from the queue to its answer.",
                &seconds,
            ),
            queue_depth,
            overloaded: counter("securenet_append_overloaded_total", "Commands refused because too many waited."),
            unknown_outcomes: counter("securenet_append_unknown_outcomes_total", "Commands answered outcome-unknown."),
        }
    }
}
