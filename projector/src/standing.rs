//! How far behind each projection is, for readiness and the lag metrics. Told by the loops, asked by anybody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::metrics::Metrics;

/// Shared by the loops and whoever asks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Standing {
    projections: Arc<Mutex<BTreeMap<&'static str, At>>>,
    metrics: Metrics,
    ready_lag: Duration,
}

/// A projection that is further behind than readiness allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    pub projection: &'static str,
    pub events: i64,
    pub seconds: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct At {
    lag_events: i64,
    /// When the oldest event that is not applied yet was recorded.
    oldest: Option<DateTime<Utc>>,
}

impl Standing {
    pub(crate) fn new(metrics: Metrics, ready_lag: Duration) -> Self {
        Self { projections: Arc::default(), metrics, ready_lag }
    }

    /// The projections that are too far behind; readiness is green when there are none.
    pub fn behind(&self) -> Vec<Behind> {
        let now = Utc::now();
        let behind = |(&projection, at): (&&'static str, &At)| {
            let seconds = at.age(now).as_secs();
            (at.age(now) > self.ready_lag).then_some(Behind { projection, events: at.lag_events, seconds })
        };
        self.lock().iter().filter_map(behind).collect()
    }

    /// `oldest` is known only once it was read; what is known already stays known while the loop is behind.
    pub(crate) fn waits(&self, projection: &'static str, lag_events: i64, oldest: Option<DateTime<Utc>>) {
        let mut projections = self.lock();
        let at = projections.entry(projection).or_default();
        at.lag_events = lag_events;
        at.oldest = if lag_events == 0 { None } else { oldest.or(at.oldest) };
        self.metrics.lag_events.with_label_values(&[projection]).set(lag_events);
        self.metrics.lag_seconds.with_label_values(&[projection]).set(at.age(Utc::now()).as_secs_f64());
    }

    /// Time passes also where nothing happens.
    pub(crate) fn refresh_metrics(&self) {
        let now = Utc::now();
        for (projection, at) in self.lock().iter() {
            self.metrics.lag_seconds.with_label_values(&[projection]).set(at.age(now).as_secs_f64());
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, At>> {
        // Plain values stay right even if a holder panicked.
        self.projections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl At {
    fn age(&self, now: DateTime<Utc>) -> Duration {
        self.oldest.map_or(Duration::ZERO, |oldest| (now - oldest).to_std().unwrap_or_default())
    }
}
