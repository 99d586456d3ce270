//! Which standbys may answer a read: those that answer, are standbys, and are no further behind than a few seconds.
//!
//! One task a process looks at all of them. A standby that falls behind or fails is left out at once, and taken back when
//! it has kept up for a while, so that one at the limit does not come and go. It never routes a request and never
//! writes; whoever reads from a standby still falls back on the primary.

mod admission;
mod history;
mod metrics;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Pool, SelfCheckError, check_once};
use admission::{Admission, Change, Sight};
use history::History;
pub use metrics::Metrics;

pub const LAG_MAX_DEFAULT_SECONDS: u64 = 5;
const READMIT_AFTER: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A server that takes longer to say where it is has fallen behind.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// When a standby counts as too far behind.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Further behind, it is left out.
    pub lag_max: Duration,
    /// It must have kept up for so long before it is taken back.
    pub readmit_after: Duration,
    pub look_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lag_max: Duration::from_secs(LAG_MAX_DEFAULT_SECONDS),
            readmit_after: READMIT_AFTER,
            look_every: LOOK_EVERY,
        }
    }
}

/// A standby's pool: what is read here may be some seconds old, which the type says so that no caller forgets it.
#[derive(Debug, Clone)]
pub struct Replica(Pool);

impl Replica {
    pub const fn new(pool: Pool) -> Self {
        Self(pool)
    }

    pub const fn pool(&self) -> &Pool {
        &self.0
    }
}

/// The standbys of a deployment. Cheap to clone; the clones know the same.
#[derive(Clone)]
pub struct Replicas {
    inner: Arc<Inner>,
}

struct Inner {
    members: Vec<Member>,
    next: AtomicUsize,
    limits: Limits,
    metrics: Metrics,
}

struct Member {
    replica: Replica,
    /// Its role was found to be under the policies.
    checked: AtomicBool,
    admission: Mutex<Admission>,
}

impl Replicas {
    /// Starts looking at them; it ends with `stop`. Until the first look none is admitted.
    pub fn start(
        primary: Pool,
        replicas: Vec<Replica>,
        limits: Limits,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> Self {
        let members: Vec<_> = replicas.into_iter().map(Member::new).collect();
        metrics.expect(members.len());
        let replicas = Self { inner: Arc::new(Inner { members, next: AtomicUsize::new(0), limits, metrics }) };
        if !replicas.inner.members.is_empty() {
            let watching = replicas.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = watching.watch(&primary) => {}
                    () = stop.cancelled() => {}
                }
            });
        }
        replicas
    }

    /// The place of one that may be read from, each in its turn.
    pub fn pick(&self) -> Option<usize> {
        let count = self.inner.members.len();
        let first = self.inner.next.fetch_add(1, Ordering::Relaxed);
        (0..count).map(|step| first.wrapping_add(step) % count).find(|at| self.inner.members[*at].lock().is_admitted())
    }

    /// A reader met a failure of this one: nobody else needs to.
    pub fn failed(&self, at: usize) {
        self.learn(at, Sight::Away);
    }

    async fn watch(&self, primary: &Pool) {
        let mut history = History::default();
        loop {
            if let Ok(Ok(flushed)) = timeout(LOOK_MAX, flushed(primary)).await {
                history.record(Instant::now(), flushed);
            }
            let looks = self.inner.members.iter().map(|member| timeout(LOOK_MAX, member.look()));
            for (at, look) in join_all(looks).await.into_iter().enumerate() {
                let sight = match look {
                    Ok(Ok(standing)) => standing.judge(&history, self.inner.limits),
                    Ok(Err(SelfCheckError::Unavailable(_))) | Err(_) => Sight::Away,
                    Ok(Err(
                        error @ (SelfCheckError::Bypasses(_) | SelfCheckError::Owner(_) | SelfCheckError::NoTimeout(_)),
                    )) => {
                        tracing::error!(replica = at, %error, "a replica's log-in must not be used");
                        Sight::Unfit
                    }
                };
                self.learn(at, sight);
            }
            sleep(self.inner.limits.look_every).await;
        }
    }

    fn learn(&self, at: usize, sight: Sight) {
        let Inner { members, limits, metrics, .. } = &*self.inner;
        metrics.saw(at, &sight);
        let Some(change) = members[at].lock().learn(&sight, Instant::now(), limits.readmit_after) else { return };
        metrics.changed(at, change, &sight);
        match change {
            Change::Admitted => tracing::info!(replica = at, "a replica answers reads"),
            Change::Ejected => tracing::warn!(replica = at, reason = sight.name(), "a replica answers no reads"),
        }
    }
}

impl Member {
    fn new(replica: Replica) -> Self {
        Self { replica, checked: AtomicBool::new(false), admission: Mutex::default() }
    }

    async fn look(&self) -> Result<Standing, SelfCheckError> {
        if !self.checked.load(Ordering::Relaxed) {
            check_once(self.replica.pool().inner()).await?;
            self.checked.store(true, Ordering::Relaxed);
        }
        standing(self.replica.pool()).await.map_err(SelfCheckError::Unavailable)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Admission> {
        // One word of state: a holder's panic cannot leave it half changed.
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a server says it is.
struct Standing {
    is_standby: bool,
    /// Bytes of log replayed, counted from the log's beginning.
    replayed: Option<i64>,
    /// The age of the last commit it replayed; on a quiet primary that is no lag.
    commit_age_seconds: Option<f64>,
}

impl Standing {
    fn judge(&self, history: &History, limits: Limits) -> Sight {
        let Some(replayed) = self.replayed.filter(|_| self.is_standby) else { return Sight::NoStandby };
        let lag = history.lag(replayed, Instant::now(), self.commit_age_seconds);
        if lag > limits.lag_max { Sight::Behind { lag } } else { Sight::Current { lag } }
    }
}

async fn flushed(primary: &Pool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint AS "flushed!""#)
        .fetch_one(primary)
        .await
}

async fn standing(replica: &Pool) -> Result<Standing, sqlx::Error> {
    sqlx::query_as!(
        Standing,
        r#"SELECT pg_is_in_recovery() AS "is_standby!",
                  pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint AS replayed,
                  extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 AS commit_age_seconds"#
    )
    .fetch_one(replica)
    .await
}
