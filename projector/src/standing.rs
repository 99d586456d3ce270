//! How far behind each generation is, for readiness and the lag metrics: its checkpoints beside the log's heads, looked
//! at together. So a feed that brings nothing, or nobody who follows a partition, shows as lag here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::generations::{Stage, Tailed};
use crate::metrics::Metrics;
use crate::registry::Target;

/// Shared by the supervisor and whoever asks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Standing {
    generations: Arc<Mutex<BTreeMap<Target, At>>>,
    metrics: Metrics,
    ready_lag: Duration,
}

/// A projection whose live generation is further behind than readiness allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    pub projection: &'static str,
    pub events: i64,
    pub seconds: u64,
}

#[derive(Clone, Copy, Debug)]
struct At {
    stage: Stage,
    lag_events: i64,
    /// When the oldest event that is not applied yet was recorded, or since when none can be applied any more.
    oldest: Option<DateTime<Utc>>,
}

impl Standing {
    pub(crate) fn new(metrics: Metrics, ready_lag: Duration) -> Self {
        Self { generations: Arc::default(), metrics, ready_lag }
    }

    /// The projections that are too far behind; readiness is green when there are none.
    pub fn behind(&self) -> Vec<Behind> {
        let now = Utc::now();
        let behind = |(target, at): (&Target, &At)| {
            let seconds = at.age(now).as_secs();
            let too_far = at.stage == Stage::Live && at.age(now) > self.ready_lag;
            too_far.then_some(Behind { projection: target.name(), events: at.lag_events, seconds })
        };
        self.lock().iter().filter_map(behind).collect()
    }

    /// Looks at all that are followed, and at those that cannot go on.
    pub(crate) async fn look(
        &self,
        pool: &PgPool,
        tailed: &[Tailed],
        stopped: &BTreeSet<Target>,
    ) -> Result<(), sqlx::Error> {
        let lags = lags(pool).await?;
        let mut generations = self.lock();
        let gone: Vec<Target> = generations.keys().copied().collect();
        for target in gone.into_iter().filter(|known| tailed.iter().all(|tailed| tailed.target != *known)) {
            generations.remove(&target);
            self.metrics.forget(target);
        }
        for &Tailed { target, stage } in tailed {
            let before = generations.get(&target).and_then(|at| at.oldest);
            let (lag_events, mut oldest) =
                lags.get(&(target.name().to_owned(), target.generation)).copied().unwrap_or_default();
            if stopped.contains(&target) {
                oldest = oldest.or(before).or_else(|| Some(Utc::now()));
            }
            let at = At { stage, lag_events, oldest };
            generations.insert(target, at);
            self.show(target, at, stopped.contains(&target));
        }
        Ok(())
    }

    /// Time passes also while nobody can look.
    pub(crate) fn refresh_metrics(&self) {
        let now = Utc::now();
        for (target, at) in self.lock().iter() {
            self.metrics.lag_seconds.with_label_values(&target.labels()).set(at.age(now).as_secs_f64());
        }
    }

    fn show(&self, target: Target, at: At, stopped: bool) {
        let labels = target.labels();
        self.metrics.lag_events.with_label_values(&labels).set(at.lag_events);
        self.metrics.lag_seconds.with_label_values(&labels).set(at.age(Utc::now()).as_secs_f64());
        self.metrics.stopped.with_label_values(&labels).set(i64::from(stopped));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Target, At>> {
        // Plain values stay right even if a holder panicked.
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl At {
    fn age(&self, now: DateTime<Utc>) -> Duration {
        self.oldest.map_or(Duration::ZERO, |oldest| (now - oldest).to_std().unwrap_or_default())
    }
}

/// Of each generation that is behind: by how many events, and when the oldest of them was recorded.
async fn lags(pool: &PgPool) -> Result<BTreeMap<(String, i32), (i64, Option<DateTime<Utc>>)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT c.projection, c.generation, sum(h.seq - c.seq)::bigint AS "events!", min(e.recorded_at) AS oldest
           FROM read.checkpoints c JOIN store.partition_head h ON h.partition = c.partition
           LEFT JOIN store.events e ON e.partition = c.partition AND e.seq = c.seq + 1
           WHERE h.seq > c.seq GROUP BY c.projection, c.generation"#
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.projection, row.generation), (row.events, row.oldest))).collect())
}
