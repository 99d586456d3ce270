//! Reading one's own writes: a GET with `X-Consistency` waits until the projections it reads have got that far.
//!
//! One poller a process reads the checkpoints for all waiters, and only of partitions somebody waits for; a request
//! never polls by itself. What was seen once stays true, because a checkpoint only moves forward within its epoch,
//! so most requests are answered from memory. This module moves no checkpoint and knows no projection's content.

mod seen;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_web::HttpRequest;
use platform::{
    position::{PARTITIONS, Position, X_CONSISTENCY},
    problem::{Code, Problem},
};
use sha2::{Digest, Sha256};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{metrics::Metrics, tenant_tx::Reader};

use seen::{Reached, Seen};

/// The longest a request waits for a position.
pub const WAIT_MAX: Duration = Duration::from_secs(2);
/// How often the poller looks while anybody waits.
const POLL_INTERVAL: Duration = Duration::from_millis(4);
/// How often it looks at partitions that are only watched: often enough for [`STANDING_MAX_AGE`].
const WATCH_INTERVAL: Duration = Duration::from_millis(12);
/// How long the poller pauses after it failed to look.
const POLL_PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);
/// How long a partition stays watched after somebody asked where it stands.
const WATCH_LINGER: Duration = Duration::from_secs(1);
/// The oldest look at a checkpoint that [`Freshness::standing`] answers from.
const STANDING_MAX_AGE: Duration = Duration::from_millis(25);
/// What a caller is told to wait before it asks again.
const RETRY_AFTER_SECONDS: u32 = 1;
/// A pause is a person's decision, and so is its end.
const RESTING_RETRY_AFTER_SECONDS: u32 = 30;

/// The position a request asks to see at least. A malformed one, or one of another tenant's partition, is 400; an
/// operator, who has no tenant, may name any partition.
pub fn asked(request: &HttpRequest, tenant: Option<Uuid>) -> Result<Option<Position>, Problem> {
    let mut headers = request.headers().get_all(X_CONSISTENCY);
    let Some(header) = headers.next() else { return Ok(None) };
    let position: Option<Position> = header.to_str().ok().and_then(|text| text.parse().ok());
    let (Some(position), None) = (position, headers.next()) else {
        return Err(
            Problem::new(Code::MalformedToken).detail("X-Consistency must be one position: <epoch>.<partition>.<seq>.")
        );
    };
    if tenant.is_some_and(|tenant| partition_of(tenant) != position.partition) {
        return Err(Problem::new(Code::WrongPartition));
    }
    Ok(Some(position))
}

/// The partition a tenant's events lie in for ever: the first eight bytes of the SHA-256 of its id.
pub fn partition_of(tenant: Uuid) -> i16 {
    let digest = Sha256::digest(tenant.as_bytes());
    let first = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    i16::try_from(first % u64::from(PARTITIONS.unsigned_abs())).expect("a remainder of 64 fits")
}

/// What a deployment's projections have reached, and the means to wait for more.
#[derive(Debug, Clone)]
pub struct Freshness {
    reader: Reader,
    seen: watch::Receiver<Seen>,
    demand: Arc<Demand>,
    metrics: Metrics,
}

impl Freshness {
    /// Starts the one poller of this process; it ends with `stop`.
    pub fn start(reader: Reader, metrics: Metrics, stop: CancellationToken) -> Self {
        let (sender, seen) = watch::channel(Seen::default());
        let demand = Arc::new(Demand::default());
        tokio::spawn(poll(reader.clone(), Arc::clone(&demand), sender, stop));
        Self { reader, seen, demand, metrics }
    }

    /// Waits until all of `projections` have passed `position`: 425 when they do not in time, 503 at once when one of
    /// them rests, 410 when a restore has taken the position back.
    pub async fn reach(&self, position: Position, projections: &[&str]) -> Result<(), Problem> {
        let reached = self.reach_within(position, projections, WAIT_MAX).await;
        if matches!(&reached, Err(problem) if problem.status() == Code::PositionNotReached.status()) {
            self.metrics.consistency_timeouts.inc();
        }
        reached
    }

    /// The same for a caller who has somewhere else to ask.
    pub async fn reach_within(
        &self,
        position: Position,
        projections: &[&str],
        wait_max: Duration,
    ) -> Result<(), Problem> {
        let mut seen = self.seen.clone();
        let standing = seen.borrow_and_update().reached(position, projections);
        match standing {
            Reached::Passed => return Ok(()),
            Reached::TakenBack => return Err(taken_back()),
            Reached::Rests => return Err(rests()),
            Reached::Behind => {}
        }
        let _watched = self.demand.watch(position.partition);
        let began = Instant::now();
        let outcome = timeout(wait_max, wait(&mut seen, position, projections)).await;
        self.metrics.consistency_wait_seconds.observe(began.elapsed().as_secs_f64());
        outcome.unwrap_or_else(|_elapsed| Err(self.too_early()))
    }

    /// Where projections stand in a partition, as of at most some milliseconds ago. Asking keeps the partition watched
    /// for a while, so that asking often costs no query.
    pub async fn standing<const N: usize>(
        &self,
        partition: i16,
        projections: [&str; N],
    ) -> Result<[Position; N], sqlx::Error> {
        self.demand.linger(partition);
        if let Some(standing) = self.seen.borrow().standing(partition, projections, STANDING_MAX_AGE) {
            return Ok(standing);
        }
        let mut seen = Seen::default();
        seen.learn(Seen::look(&self.reader, &[partition]).await?);
        // What was seen a moment ago is as fresh as it gets, however slow this process is.
        let start = Position { epoch: 0, partition, seq: 0 };
        Ok(seen.standing(partition, projections, Duration::MAX).unwrap_or([start; N]))
    }

    /// Whether some request waits for this partition right now.
    #[cfg(test)]
    pub(crate) fn is_awaited(&self, partition: i16) -> bool {
        self.demand.lock().get(&partition).is_some_and(|interest| interest.waiters > 0)
    }

    fn too_early(&self) -> Problem {
        if self.seen.borrow().blind {
            return Problem::new(Code::Unavailable)
                .detail("The read models cannot be reached.")
                .retry_after(RETRY_AFTER_SECONDS);
        }
        Problem::new(Code::PositionNotReached)
            .detail("The read models have not reached the position in X-Consistency yet.")
            .retry_after(RETRY_AFTER_SECONDS)
    }
}

async fn wait(seen: &mut watch::Receiver<Seen>, position: Position, projections: &[&str]) -> Result<(), Problem> {
    loop {
        let standing = seen.borrow_and_update().reached(position, projections);
        match standing {
            Reached::Passed => return Ok(()),
            Reached::TakenBack => return Err(taken_back()),
            Reached::Rests => return Err(rests()),
            Reached::Behind => {}
        }
        if seen.changed().await.is_err() {
            return Err(Problem::new(Code::Unavailable).detail("The service is shutting down."));
        }
    }
}

fn rests() -> Problem {
    Problem::new(Code::ProjectionPaused)
        .detail("What this reads is not brought up to date for now. Without X-Consistency it is shown as it is.")
        .retry_after(RESTING_RETRY_AFTER_SECONDS)
}

fn taken_back() -> Problem {
    Problem::new(Code::PositionGone)
        .detail("The position in X-Consistency was lost in a restore. Read again without the header.")
}

async fn poll(reader: Reader, demand: Arc<Demand>, seen: watch::Sender<Seen>, stop: CancellationToken) {
    let work = async {
        let mut blind = false;
        loop {
            let (partitions, somebody_waits) = demand.partitions();
            if partitions.is_empty() {
                demand.wanted.notified().await;
                continue;
            }
            let pause = match Seen::look(&reader, &partitions).await {
                Ok(look) => {
                    blind = false;
                    seen.send_modify(|seen| seen.learn(look));
                    if somebody_waits { POLL_INTERVAL } else { WATCH_INTERVAL }
                }
                Err(error) => {
                    if !std::mem::replace(&mut blind, true) {
                        tracing::warn!(%error, "checkpoints cannot be read; requests with X-Consistency will wait");
                    }
                    seen.send_modify(|seen| seen.blind = true);
                    POLL_PAUSE_AFTER_FAILURE
                }
            };
            sleep(pause).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = stop.cancelled() => {}
    }
}

/// Which partitions somebody waits for.
#[derive(Debug, Default)]
struct Demand {
    watched: Mutex<BTreeMap<i16, Interest>>,
    wanted: Notify,
}

#[derive(Debug, Default)]
struct Interest {
    waiters: usize,
    until: Option<Instant>,
}

impl Demand {
    fn watch(self: &Arc<Self>, partition: i16) -> Watched {
        self.lock().entry(partition).or_default().waiters += 1;
        self.wanted.notify_one();
        Watched { demand: Arc::clone(self), partition }
    }

    fn linger(&self, partition: i16) {
        self.lock().entry(partition).or_default().until = Some(Instant::now() + WATCH_LINGER);
        self.wanted.notify_one();
    }

    /// The partitions to look at, and whether anybody waits for one of them.
    fn partitions(&self) -> (Vec<i16>, bool) {
        let now = Instant::now();
        let mut watched = self.lock();
        watched.retain(|_, interest| interest.waiters > 0 || interest.until.is_some_and(|until| until > now));
        let somebody_waits = watched.values().any(|interest| interest.waiters > 0);
        (watched.keys().copied().collect(), somebody_waits)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<i16, Interest>> {
        // Counters stay right even if a holder panicked between two of them.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody waits for a partition as long as this lives.
struct Watched {
    demand: Arc<Demand>,
    partition: i16,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(interest) = self.demand.lock().get_mut(&self.partition) {
            interest.waiters = interest.waiters.saturating_sub(1);
        }
    }
}
