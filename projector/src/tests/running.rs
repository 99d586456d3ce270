//! A projector as a process runs it, over a world.

use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;
use prometheus::core::Collector;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::world::World;
use crate::registry::Target;
use crate::{Config, Metrics, Projector, Standing, Stopped};

pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Running {
    pub stop: CancellationToken,
    pub wake: Arc<Notify>,
    pub standing: Standing,
    pub metrics: Metrics,
    pub task: JoinHandle<Result<(), Stopped>>,
}

impl Running {
    pub(super) fn start(world: &World) -> Self {
        Self::with(world, Config::default())
    }

    pub(super) fn with(world: &World, config: Config) -> Self {
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let projector = Projector::new(world.projector.clone(), config, metrics.clone());
        let (stop, wake, standing) = (CancellationToken::new(), Arc::new(Notify::new()), projector.standing());
        let task = tokio::spawn(projector.run(stop.clone(), Arc::clone(&wake)));
        Self { stop, wake, standing, metrics, task }
    }

    /// Whether the metrics show it.
    pub(super) fn follows(&self, target: Target) -> bool {
        let labels = target.labels();
        let of_it = |metric: &prometheus::proto::Metric| {
            metric.get_label().iter().all(|l| labels.iter().any(|v| v == l.value()))
        };
        self.metrics.lag_events.collect().iter().any(|family| family.get_metric().iter().any(of_it))
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}
