//! Each service with what it needs from the environment: alone in a process, or several in one.
//!
//! A service opens its pools and starts its workers here, in the order in which they will be stopped. Nothing is served
//! yet and nothing decided.

pub(crate) mod command_api;
pub(crate) mod common;
pub(crate) mod identity;
pub(crate) mod projector;
pub(crate) mod query_api;
pub(crate) mod relay;

use platform::env::Faults;
use platform::health::HealthBuilder;
use platform::postgres::{SelfCheckError, reachable};
use platform::problem::chain;
use platform::shutdown::Shutdown;
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Settings(#[from] Faults),
    #[error("a database URL cannot be used")]
    Database(#[from] sqlx::Error),
    #[error("Postgres and this process do not fit together")]
    Role(#[from] SelfCheckError),
    #[error("the command side cannot start")]
    Commands(#[from] ::command_api::error::Error),
    #[error("no requests can be sent to other processes")]
    Http(#[from] reqwest::Error),
    #[error("a metric cannot be registered")]
    Metrics(#[from] prometheus::Error),
}

/// What runs beside the servers, in the order in which it is to be stopped.
#[derive(Default)]
pub(crate) struct Workers(Vec<Worker>);

struct Worker {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Workers {
    /// One that ends when its token is cancelled.
    pub(crate) fn start<F>(&mut self, name: &'static str, worker: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker(stop.clone()));
        self.0.push(Worker { name, stop, task });
    }

    /// These are stopped after ours.
    #[must_use]
    pub(crate) fn then(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    pub(crate) fn stop_with(self, shutdown: &mut Shutdown) {
        for Worker { name, stop, task } in self.0 {
            shutdown.worker(name, stop, task);
        }
    }
}

/// Whether Postgres answers on this pool. Of several pools the worst counts.
fn asks_postgres(health: HealthBuilder, pool: PgPool) -> HealthBuilder {
    health.dependency("postgres", move || {
        let pool = pool.clone();
        async move { reachable(&pool).await.map_err(|error| chain(&error).to_string()) }
    })
}

/// A connection belongs to the thread that opened it. Once the server's threads are gone, theirs are of no use to those
/// who still have something to write down.
async fn renew_connections(stop: CancellationToken, pool: PgPool) {
    stop.cancelled().await;
    let idle: Vec<_> = std::iter::from_fn(|| pool.try_acquire()).map(|connection| connection.detach()).collect();
    tracing::debug!(connections = idle.len(), "connections of the server's threads are dropped");
}
