//! Refusals to the process that keeps the audit trail: noted without waiting, sent in batches, tried again until they
//! are taken.
//!
//! For a query-api in a process of its own; it may write nothing itself. The queue is bounded: what finds no place in it
//! is dropped and counted, for a flood of refusals must not become a flood of memory. A batch whose answer was lost is
//! sent again, so a refusal may be counted once too often.

use std::sync::Arc;
use std::time::Duration;

use platform::denials::{BATCH_MAX, Batch, PATH, Report};
use platform::env::{Env, Secret};
use platform::problem::chain;
use prometheus::{IntCounter, Registry};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::access::{Denial, DenialSink};

/// Some megabytes at most.
const QUEUE_MAX: usize = 8_192;
const ANSWER_MAX: Duration = Duration::from_secs(5);
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// How long a process that stops still tries to hand on what it has.
const LAST_WORDS_MAX: Duration = Duration::from_secs(5);

/// Statuses that say the batch itself is at fault.
const UNREADABLE: [u16; 4] = [400, 413, 415, 422];

/// Where refusals are sent.
#[derive(Debug, Clone)]
pub struct Config {
    /// `SECURENET_COMMAND_URL`: how this process reaches command-api, `http://command-api:8081`.
    pub command_url: String,
    /// `SECURENET_SERVICE_TOKEN`: what the processes of a deployment show each other.
    pub token: Secret,
}

/// What becomes of them.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// `query_denials_sent_total`: refusals that command-api has taken.
    pub sent: IntCounter,
    /// `query_denials_dropped_total`: refusals that will be in no audit trail, because too many waited.
    pub dropped: IntCounter,
    /// `query_denials_retries_total`: batches that command-api did not take at once.
    pub retries: IntCounter,
}

impl Config {
    /// Faults are noted in `env`; whoever asked it for everything calls [`Env::finish`].
    pub fn from_env(env: &Env) -> Self {
        let command_url = env.required("SECURENET_COMMAND_URL");
        if !command_url.is_empty() && !command_url.starts_with("http://") {
            env.fault("SECURENET_COMMAND_URL is no http:// address; our processes talk within one private network");
        }
        Self { command_url, token: env.secret("SECURENET_SERVICE_TOKEN") }
    }
}

impl Metrics {
    /// Fails only when the names are registered already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            sent: IntCounter::new("query_denials_sent_total", "Refusals that command-api has taken.")?,
            dropped: IntCounter::new("query_denials_dropped_total", "Refusals lost because too many waited.")?,
            retries: IntCounter::new("query_denials_retries_total", "Batches not taken at once.")?,
        };
        registry.register(Box::new(metrics.sent.clone()))?;
        registry.register(Box::new(metrics.dropped.clone()))?;
        registry.register(Box::new(metrics.retries.clone()))?;
        Ok(metrics)
    }
}

/// Sends what is in the queue, until it is told to stop and the queue is empty.
pub struct Sender {
    queue: mpsc::Receiver<Report>,
    http: reqwest::Client,
    url: String,
    token: Secret,
    metrics: Metrics,
}

/// The sink for [`crate::Services`], and what empties it.
pub fn channel(config: &Config, metrics: Metrics) -> Result<(DenialSink, Sender), reqwest::Error> {
    let (queue, reports) = mpsc::channel(QUEUE_MAX);
    let dropped = metrics.dropped.clone();
    let sink: DenialSink = Arc::new(move |Denial { principal, operation, context }| {
        if queue.try_send(Report::new(principal, operation, context)).is_err() {
            dropped.inc();
        }
    });
    let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).build()?;
    let url = format!("{}{PATH}", config.command_url.trim_end_matches('/'));
    Ok((sink, Sender { queue: reports, http, url, token: config.token.clone(), metrics }))
}

impl Sender {
    pub async fn run(mut self, stop: CancellationToken) {
        let mut waiting = Vec::with_capacity(BATCH_MAX);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                taken = self.queue.recv_many(&mut waiting, BATCH_MAX) => if taken == 0 { return },
            }
            if !waiting.is_empty() {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.send(&waiting) => waiting.clear(),
                }
            }
        }
        self.last_words(waiting).await;
    }

    /// Whoever asked has been answered by now, so nothing more comes in.
    async fn last_words(mut self, mut waiting: Vec<Report>) {
        let deadline = Instant::now() + LAST_WORDS_MAX;
        self.queue.close();
        while !waiting.is_empty() || self.queue.recv_many(&mut waiting, BATCH_MAX).await > 0 {
            if timeout_at(deadline, self.send(&waiting)).await.is_err() {
                let lost = waiting.len() + self.queue.len();
                self.metrics.dropped.inc_by(lost as u64);
                tracing::error!(lost, "refusals could not be handed on before the end and are in no audit trail");
                return;
            }
            waiting.clear();
        }
    }

    /// Until they are taken; what command-api cannot read will not be readable the next time.
    async fn send(&self, denials: &[Report]) {
        let batch = Batch { denials: denials.to_vec() };
        let mut pause = BACKOFF_FIRST;
        loop {
            let request = self.http.post(&self.url).bearer_auth(self.token.expose()).json(&batch);
            match request.send().await.and_then(reqwest::Response::error_for_status) {
                Ok(_) => break self.metrics.sent.inc_by(denials.len() as u64),
                Err(error) if error.status().is_some_and(|status| UNREADABLE.contains(&status.as_u16())) => {
                    tracing::error!(error = %chain(&error), lost = denials.len(), "command-api does not understand refusals");
                    break self.metrics.dropped.inc_by(denials.len() as u64);
                }
                Err(error) => {
                    self.metrics.retries.inc();
                    tracing::warn!(error = %chain(&error), "refusals cannot be handed on yet; they wait");
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(BACKOFF_MAX);
        }
    }
}
