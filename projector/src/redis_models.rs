//! Copies of read models in Redis: what a projection's transaction says is owed is worked out from Postgres and written,
//! never over a newer copy; a restart goes on with what is left, and a Redis that lost something is owed everything.
//!
//! Nothing depends on it: whoever reads a copy compares its version with Postgres's, and reads Postgres where they differ.
//! It never holds a lock while it waits for Redis.

pub(crate) mod debts;
pub(crate) mod writing;

use std::time::Duration;

use platform::redis::Redis;
use sqlx::PgPool;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::metrics::RedisMetrics;

pub(crate) use debts::note;

/// Which projections' rows each model is made of.
const SUMMARY_IS_MADE_OF: [&str; 2] = ["devices", "summary"];
/// How long a process that works nothing off keeps others from it. Two at once only do the same work twice.
const LEASE_SECONDS: f64 = 5.0;
/// Tenants of one round.
const ROUND_TENANTS: i64 = 64;
/// A tenant that changes all the time is copied about this often.
const PAUSE_BUSY: Duration = Duration::from_millis(50);
const PAUSE_IDLE: Duration = Duration::from_millis(200);
/// Between two questions whether Redis still has what was written.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
const PAUSE_NOT_OURS: Duration = Duration::from_secs(1);

/// Why a round ended early. All of it is retried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("Postgres does not answer")]
    Database(#[from] sqlx::Error),
    #[error("Redis is away")]
    Redis(#[from] platform::redis::Away),
}

/// Whether a projection's transactions have to say what Redis owes.
pub(crate) fn is_copied(projection: &str) -> bool {
    SUMMARY_IS_MADE_OF.contains(&projection)
}

/// Works off what is owed until told to stop.
pub(crate) async fn run(pool: PgPool, redis: Redis, metrics: RedisMetrics, stop: CancellationToken) {
    let worker = Worker::new(pool, redis, metrics);
    tokio::select! {
        () = worker.work() => {}
        () = stop.cancelled() => {}
    }
}

/// One process's part in it.
pub(crate) struct Worker {
    pool: PgPool,
    redis: Redis,
    metrics: RedisMetrics,
    id: Uuid,
}

impl Worker {
    pub(crate) fn new(pool: PgPool, redis: Redis, metrics: RedisMetrics) -> Self {
        Self { pool, redis, metrics, id: Uuid::now_v7() }
    }

    async fn work(&self) {
        let mut backoff = Backoff::default();
        let mut checked = None::<tokio::time::Instant>;
        loop {
            self.redis.connected().await;
            let due = checked.is_none_or(|at| at.elapsed() >= CHECK_INTERVAL);
            let pause = match self.round(due).await {
                Ok(Round::NotOurs) => PAUSE_NOT_OURS,
                Ok(Round::Worked { tenants }) => {
                    backoff.recovered("copies in Redis");
                    if due {
                        checked = Some(tokio::time::Instant::now());
                    }
                    if tenants > 0 { PAUSE_BUSY } else { PAUSE_IDLE }
                }
                Err(failure) => {
                    checked = None;
                    backoff.failed(&failure, "copies in Redis")
                }
            };
            sleep(pause).await;
        }
    }

    /// `check`: whether Redis still has what was written is asked, too.
    pub(crate) async fn round(&self, check: bool) -> Result<Round, Failure> {
        let Some(left) = debts::lease(&self.pool, self.id).await? else { return Ok(Round::NotOurs) };
        if check {
            let made_of = debts::made_of(&self.pool).await?;
            let marked = writing::mark(&self.redis).await?;
            if made_of != left.made_of || marked < left.mark {
                let tenants = debts::owe_everything(&self.pool, &made_of).await?;
                tracing::info!(tenants, "Redis lacks copies of read models; all are written anew");
            }
        }
        let tenants = debts::owed(&self.pool, ROUND_TENANTS).await?;
        self.metrics.owed.set(i64::try_from(tenants.len()).unwrap_or(i64::MAX));
        for tenant in &tenants {
            self.copy(*tenant).await?;
        }
        if !tenants.is_empty() || check {
            writing::set_mark(&self.redis, left.mark + 1).await?;
            debts::set_mark(&self.pool, left.mark + 1).await?;
        }
        Ok(Round::Worked { tenants: tenants.len() })
    }

    async fn copy(&self, tenant: Uuid) -> Result<(), Failure> {
        let copy = debts::summary(&self.pool, tenant).await?;
        let newer = writing::summary(&self.redis, tenant, &copy).await?;
        debts::settle(&self.pool, tenant, &copy.revisions).await?;
        self.metrics.copies.with_label_values(&[if newer { "written" } else { "older" }]).inc();
        Ok(())
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Round {
    NotOurs,
    Worked { tenants: usize },
}
