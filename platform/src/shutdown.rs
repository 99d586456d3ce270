//! Stopping in order: readiness red, a moment for load balancers to see it, no new connections, requests drained,
//! workers stopped one after the other, and all of it in less than thirty seconds.
//!
//! What is late is named and left behind. It never loses an answered command: those are committed before the answer.

#[cfg(test)]
mod tests;

use std::io;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use futures_util::FutureExt;
use futures_util::future::select_all;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::env::Environment;
use crate::health::Health;

/// Orchestrators kill after thirty seconds; this leaves room for the exit itself.
pub const SHUTDOWN_MAX_MS: u64 = 28_000;
/// For `HttpServer::shutdown_timeout`: how long running requests may take to their end.
pub const HTTP_DRAIN_MAX_SECONDS: u64 = 10;
/// How long a load balancer needs to see the red readiness.
const SETTLE_MS: u64 = 5_000;

/// What a process runs, in the order in which it is to be stopped.
pub struct Shutdown {
    health: Health,
    settle: Duration,
    servers: Vec<(&'static str, ServerHandle)>,
    workers: Vec<Worker>,
}

struct Worker {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Why a process stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Signal,
    /// A worker ended by itself. Without it the process only pretends to work.
    WorkerEnded(&'static str),
}

/// What did not stop in time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    pub late: Vec<&'static str>,
}

impl Shutdown {
    /// On a laptop nobody waits for a load balancer.
    pub fn new(health: Health, environment: Environment) -> Self {
        let settle = match environment {
            Environment::Dev => Duration::ZERO,
            Environment::Production => Duration::from_millis(SETTLE_MS),
        };
        Self { health, settle, servers: Vec::new(), workers: Vec::new() }
    }

    /// A server to stop accepting and to drain. Build it with `disable_signals` and `shutdown_timeout`.
    pub fn server(&mut self, name: &'static str, handle: ServerHandle) {
        self.servers.push((name, handle));
    }

    /// A task that ends when `stop` is cancelled. Those added first are stopped first.
    pub fn worker(&mut self, name: &'static str, stop: CancellationToken, task: JoinHandle<()>) {
        self.workers.push(Worker { name, stop, task });
    }

    /// Waits for SIGTERM or SIGINT, or for a worker that ends by itself.
    pub async fn reason(&mut self) -> io::Result<Reason> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(tokio::select! {
            _ = terminate.recv() => Reason::Signal,
            _ = interrupt.recv() => Reason::Signal,
            name = first_to_end(&mut self.workers) => Reason::WorkerEnded(name),
        })
    }

    /// Stops everything in order.
    pub async fn run(self) -> Outcome {
        let deadline = Instant::now() + Duration::from_millis(SHUTDOWN_MAX_MS);
        self.run_until(deadline).await
    }

    async fn run_until(self, deadline: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        self.health.drain();
        tracing::info!("stopping: readiness is red");
        sleep(self.settle).await;
        for (name, handle) in &self.servers {
            if timeout_at(deadline, handle.stop(true)).await.is_err() {
                outcome.late.push(name);
            }
        }
        tracing::info!("stopping: requests are drained");
        for Worker { name, stop, mut task } in self.workers {
            stop.cancel();
            if timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
                outcome.late.push(name);
            }
            tracing::info!(worker = name, "stopping: a worker ended");
        }
        if !outcome.late.is_empty() {
            tracing::warn!(late = ?outcome.late, "stopped without waiting any longer");
        }
        outcome
    }
}

/// Takes the one that ended out of the list: a finished task must not be awaited again.
async fn first_to_end(workers: &mut Vec<Worker>) -> &'static str {
    if workers.is_empty() {
        std::future::pending::<()>().await;
    }
    let (ended, index, _) = select_all(workers.iter_mut().map(|worker| (&mut worker.task).boxed())).await;
    let worker = workers.remove(index);
    match ended {
        Ok(()) => tracing::error!(worker = worker.name, "a worker ended by itself"),
        Err(error) => tracing::error!(worker = worker.name, %error, "a worker failed"),
    }
    worker.name
}
