//! The relay: every event of the log, once it is committed, to the same-numbered partition of a topic, in order.
//!
//! The event table is the outbox. Each partition is published by whoever holds its lease, on Postgres's clock, and the
//! checkpoint moves only over what Kafka has acknowledged without a gap. Promise: at least once; the first occurrences of
//! seq are in order; one that was fenced may repeat earlier ones, so readers drop what they have by seq (`docs/kafka.md`).
//!
//! | module | is |
//! |---|---|
//! | [`session`](self) | one connected life: leases, reading ahead, producing, checkpoints |
//! | `lanes` | what is read, sent and acknowledged of each held partition; decides what comes next, does no IO |
//! | `leases` | SQL of leases, members and checkpoints |
//! | `log` | SQL of heads, epochs and events |
//! | `publisher` | the producer, and what became of each message |
//! | `latest` | the end of each partition in Kafka, against the log |
//!
//! It never skips a message, never makes the topic, and never goes on where Kafka holds what the log does not: then a
//! backup was restored without `securenet log begin-epoch`, and it stands still, loudly, until that is done.

mod config;
mod lanes;
mod latest;
mod leases;
mod log;
mod metrics;
mod publisher;
mod reader;
mod session;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use platform::kafka::Settings;
use platform::problem::chain;
use rdkafka::error::KafkaError;
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use config::Config;
pub use metrics::RelayMetrics;
pub use status::RelayStatus;

/// After a session ended by a fault, and after one that found Kafka ahead of the log.
const RETRY_AFTER: Duration = Duration::from_millis(500);
const RETRY_AFTER_HALT: Duration = Duration::from_secs(5);

/// Publishes the log. Several, in any number of processes, share the partitions.
pub struct Relay {
    pool: PgPool,
    kafka: Settings,
    config: Config,
    metrics: RelayMetrics,
    status: RelayStatus,
}

/// Why a session ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("the event store cannot be asked")]
    Store(#[from] sqlx::Error),
    #[error("a producer cannot be made")]
    Kafka(#[from] KafkaError),
    /// Postgres was restarted, or the log has begun another epoch: whatever is remembered is doubtful.
    #[error("the event store is another one than before: {0}")]
    Changed(&'static str),
    #[error(
        "the topic holds what the log does not, in partition {partition} at {epoch}.{partition}.{seq} ({what}): was a backup \
         restored without `securenet log begin-epoch --above {epoch}`? Nothing is published until that is done"
    )]
    Ahead { partition: i16, epoch: i32, seq: i64, what: &'static str },
}

impl Relay {
    #[must_use]
    pub fn new(pool: PgPool, kafka: Settings, config: Config, metrics: RelayMetrics) -> Self {
        Self { pool, kafka, config, metrics, status: RelayStatus::default() }
    }

    /// What readiness asks.
    pub fn status(&self) -> RelayStatus {
        self.status.clone()
    }

    /// Until `stop`, then finishes what is in flight and lets others begin at once. `wake` tells of new events where the
    /// appender is in this process; without it the heads are polled.
    pub async fn run(self, stop: CancellationToken, wake: Option<Arc<Notify>>) {
        let holder = Uuid::now_v7();
        let wake = wake.unwrap_or_default();
        while !stop.is_cancelled() {
            let ended = session::run(&self, holder, &stop, &wake).await;
            self.metrics.held.set(0);
            let Err(error) = ended else { break };
            self.metrics.sessions_failed.inc();
            let halted = matches!(error, SessionError::Ahead { .. });
            self.metrics.halted.set(halted.into());
            self.status.ended(&error);
            if halted {
                tracing::error!(error = %chain(&error), "the relay stands still");
            } else {
                tracing::warn!(error = %chain(&error), "the relay begins again");
            }
            let pause = if halted { RETRY_AFTER_HALT } else { RETRY_AFTER };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}
