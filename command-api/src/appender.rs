//! Group commit: many commands, one transaction, each answered by itself.
//!
//! A process has a few appenders; appender `a` of `A` owns the partitions `p` with `p mod A = a`. One drains whatever
//! queued during its last flush into one call of `store.append`. There is no timer: an idle appender commits the first
//! command at once, a busy one batches what waited. Design: `ARCHITECTURE.md`, "The appender".
//!
//! It never decides a rule of the domain, never reads a read model, and never says "refused" of a command that may be
//! committed: an unknown outcome is found out first (`worker`).

mod batch;
mod call;
mod clock;
mod columns;
mod outcome;
mod worker;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use domain::decider::{Reservation, ReservationScope, StreamIndex};
use domain::vocabulary::{StreamId, StreamKind, TenantId, Timestamp, partition_of};
use event_schemas::Actor;
use platform::position::Position;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

pub use clock::StoreClock;
pub(crate) use columns::to_utc;

use crate::metrics::AppendMetrics;

/// Commands that may wait for one appender. One more is answered [`AppendError::Overloaded`].
pub const QUEUE_COMMANDS_MAX: usize = 4_096;
/// How long a command may wait for its turn before it is answered [`AppendError::Overloaded`].
pub const WAIT_MAX: Duration = Duration::from_secs(10);

/// One command's writes: all of them, or none.
#[derive(Debug, Clone)]
pub struct Append {
    pub tenant: TenantId,
    pub actor: Actor,
    pub correlation: Uuid,
    pub causation: Option<Uuid>,
    /// Every stream has at least one event. None at all only with a key: then the answer alone is kept.
    pub streams: Vec<StreamWrite>,
    pub conditions: Vec<Condition>,
    pub take: Vec<Claim>,
    pub release: Vec<Claim>,
    pub tallies: Vec<TallyChange>,
    pub key: Option<CommandKey>,
}

/// The events that one stream gains, and the snapshot after them.
#[derive(Debug, Clone)]
pub struct StreamWrite {
    pub stream: StreamId,
    pub kind: StreamKind,
    /// The version the command decided on; 0 for a new stream.
    pub expected: i64,
    pub fold_version: i16,
    pub state: Vec<u8>,
    pub index: StreamIndex,
    pub events: Vec<NewEvent>,
}

/// One event as the codec wrote it. Its header is made when its time is known.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub id: Uuid,
    pub type_name: &'static str,
    pub schema_version: i16,
    pub body: Vec<u8>,
    /// The exact bytes of its meta record. What is sealed in it opens at this event alone.
    pub meta: Vec<u8>,
}

/// "Stream still at this version", without writing to it.
#[derive(Debug, Clone)]
pub struct Condition {
    pub stream: StreamId,
    pub version: i64,
}

/// A unique key and the stream that takes or releases it.
#[derive(Debug, Clone)]
pub struct Claim {
    pub reservation: Reservation,
    pub owner: StreamId,
}

/// A tally moves by `delta`; `ceiling` sets the limit that later commands are judged against.
#[derive(Debug, Clone)]
pub struct TallyChange {
    pub name: &'static str,
    pub delta: i64,
    pub ceiling: Option<i64>,
}

/// An `Idempotency-Key` in its scope, and the answer a repetition shall get.
#[derive(Debug, Clone)]
pub struct CommandKey {
    /// SHA-256 over tenant, principal, route and the caller's key.
    pub key: [u8; 32],
    /// HMAC of the request: the same key with another request is refused.
    pub fingerprint: [u8; 32],
    /// Ids and versions; never personal data, never a secret.
    pub answer: Vec<u8>,
}

/// What the store answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// Committed now: `position` is that of the command's last event.
    New { position: Position, recorded_at: Timestamp },
    /// This command key was answered before; nothing was written.
    Known { position: Position, answer: Vec<u8> },
}

/// Why a command was not appended, by what the caller can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    #[error("stream {stream:?} is at version {actual}")]
    Conflict { stream: StreamId, actual: i64 },
    #[error("{key} is held by {owner:?}")]
    Reserved { key: String, owner: StreamId },
    #[error("the ceiling of {tally} is reached")]
    CeilingReached { tally: String },
    #[error("the command key was used by another request")]
    KeyReused,
    #[error("too many commands are waiting")]
    Overloaded,
    #[error("the event store is away; nothing was written")]
    Unavailable,
    #[error("the event store went away during the command, and what became of it could not be found out")]
    OutcomeUnknown,
    #[error("the event store cannot hold this data (SQLSTATE {sqlstate})")]
    Rejected { sqlstate: String },
}

/// The process's appenders. Cheap to clone.
#[derive(Clone)]
pub struct Appender {
    queues: Arc<[mpsc::Sender<Waiting>]>,
    committed: Arc<Notify>,
    clock: StoreClock,
    metrics: AppendMetrics,
}

/// A command and where its answer goes.
struct Waiting {
    append: Append,
    partition: i16,
    /// It claims a key of the deployment, so the deployment's partition is locked, too.
    locks_deployment: bool,
    since: Instant,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
}

impl Waiting {
    /// The partitions whose heads the store locks for it.
    fn locks(&self) -> impl Iterator<Item = i16> {
        let deployment = self.locks_deployment.then(|| i16::from(partition_of(TenantId::DEPLOYMENT)));
        std::iter::once(self.partition).chain(deployment)
    }

    fn answer(self, result: Result<Appended, AppendError>) {
        // A caller who went away does not want the answer; the log holds it all the same.
        let _ = self.answer.send(result);
    }
}

impl Appender {
    /// Starts `appenders` of them. They connect when the first command comes, and again whenever the store was away.
    /// The handles end once every clone of the appender is dropped and the last queued command is answered.
    pub fn start(options: &PgConnectOptions, appenders: usize, metrics: AppendMetrics) -> (Self, Vec<JoinHandle<()>>) {
        let committed = Arc::new(Notify::new());
        let clock = StoreClock::new();
        let mut queues = Vec::new();
        let mut tasks = Vec::new();
        for _ in 0..appenders.max(1) {
            let (sender, receiver) = mpsc::channel(QUEUE_COMMANDS_MAX);
            let worker =
                worker::Worker::new(receiver, options.clone(), clock.clone(), committed.clone(), metrics.clone());
            queues.push(sender);
            tasks.push(tokio::spawn(worker.run()));
        }
        (Self { queues: queues.into(), committed, clock, metrics }, tasks)
    }

    /// Appends one command durably, or says why not.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        debug_assert!(append.key.is_some() || !append.streams.is_empty());
        debug_assert!(append.streams.iter().all(|stream| !stream.events.is_empty()));
        let partition = i16::from(partition_of(append.tenant));
        let (answer, answered) = oneshot::channel();
        let queue = &self.queues[usize::from(partition.unsigned_abs()) % self.queues.len()];
        let mut claims = append.take.iter().chain(&append.release);
        let locks_deployment = claims.any(|claim| claim.reservation.scope == ReservationScope::Deployment);
        let waiting = Waiting { append, partition, locks_deployment, since: Instant::now(), answer };
        queue.try_send(waiting).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => {
                self.metrics.overloaded.inc();
                AppendError::Overloaded
            }
            mpsc::error::TrySendError::Closed(_) => AppendError::Unavailable,
        })?;
        answered.await.unwrap_or(Err(AppendError::OutcomeUnknown))
    }

    /// Told after each commit: what the in-process projector waits on.
    pub fn committed(&self) -> Arc<Notify> {
        self.committed.clone()
    }

    /// Postgres's clock as this process knows it.
    pub fn clock(&self) -> &StoreClock {
        &self.clock
    }
}
