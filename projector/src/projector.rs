//! The loops: one watches the heads, one makes sure that checkpoints and log still belong together, and one per
//! projection reads and applies, the same way whether it is a million events behind or none.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::apply::apply;
use crate::checkpoint::{self, Misfit};
use crate::config::Config;
use crate::failure::Failure;
use crate::feed::store::StoreFeed;
use crate::feed::{Heads, events_behind, next_ranges};
use crate::metrics::Metrics;
use crate::parked;
use crate::projection::Projection;
use crate::projections::{
    api_keys::ApiKeys, audit_trail::AuditTrail, devices::Devices, finding_search::FindingSearch, findings::Findings,
    organizations::Organizations, scans::Scans, summary::Summary, users::Users,
};
use crate::standing::Standing;

const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// How often checkpoints are compared with the log, and lag with the clock.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Looks at unchanged heads before polling becomes slower, step by step.
const QUIET_LOOKS: u32 = 20;

/// Why the projector stopped by itself. A person has to decide what to do.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    #[error(
        "checkpoint {} of partition {} is at {}, the log ends at {} or was restored: rebuild the projection",
        .0.projection, .0.partition, .0.seq, .0.head
    )]
    Misfit(Misfit),
    #[error("a projection found its checkpoint taken back by a restore")]
    TakenBack(#[source] Failure),
    #[error("a loop of the projector broke")]
    Broken(#[from] tokio::task::JoinError),
}

/// Keeps all read models up to date for as long as it runs.
#[derive(Debug)]
pub struct Projector {
    context: Context,
}

#[derive(Clone, Debug)]
struct Context {
    pool: PgPool,
    config: Config,
    metrics: Metrics,
    standing: Standing,
    feed: Arc<StoreFeed>,
}

impl Projector {
    /// The pool belongs to the role `projector` and should offer [`crate::CONNECTIONS`].
    pub fn new(pool: PgPool, config: Config, metrics: Metrics) -> Self {
        let standing = Standing::new(metrics.clone(), config.ready_lag);
        let feed = Arc::new(StoreFeed::new(pool.clone()));
        Self { context: Context { pool, config, metrics, standing, feed } }
    }

    /// For readiness.
    pub fn standing(&self) -> Standing {
        self.context.standing.clone()
    }

    /// Runs until told to stop, and then until the current transactions are through. `wake` is for the appender of the
    /// same process; without it the heads are polled.
    pub async fn run(self, shutdown: CancellationToken, wake: Arc<Notify>) -> Result<(), Stopped> {
        let stop = shutdown.child_token();
        let (heads, watched) = watch::channel(Heads::new());
        let context = self.context;
        let mut loops = JoinSet::new();
        loops.spawn(watch_heads(context.clone(), heads, wake, stop.clone()));
        loops.spawn(check(context.clone(), stop.clone()));
        loops.spawn(follow::<Organizations>(context.clone(), watched.clone(), stop.clone()));
        loops.spawn(follow::<Users>(context.clone(), watched.clone(), stop.clone()));
        loops.spawn(follow::<ApiKeys>(context.clone(), watched.clone(), stop.clone()));
        loops.spawn(follow::<Devices>(context.clone(), watched.clone(), stop.clone()));
        loops.spawn(follow::<Findings>(context.clone(), watched.clone(), stop.clone()));
        loops.spawn(follow::<FindingSearch>(context.clone(), watched.clone(), stop.clone()));
        loops.spawn(follow::<Scans>(context.clone(), watched.clone(), stop.clone()));
        loops.spawn(follow::<Summary>(context.clone(), watched.clone(), stop.clone()));
        loops.spawn(follow::<AuditTrail>(context, watched, stop.clone()));
        let mut outcome = Ok(());
        while let Some(ended) = loops.join_next().await {
            if let Err(stopped) = ended.map_err(Stopped::from).and_then(|ended| ended) {
                tracing::error!(%stopped, "the projector stops");
                stop.cancel();
                outcome = outcome.and(Err(stopped));
            }
        }
        outcome
    }
}

/// One tiny query, often while something happens and rarely while nothing does.
async fn watch_heads(
    context: Context,
    heads: watch::Sender<Heads>,
    wake: Arc<Notify>,
    stop: CancellationToken,
) -> Result<(), Stopped> {
    let mut backoff = Backoff::default();
    let mut quiet_looks: u32 = 0;
    loop {
        let looked_at = Instant::now();
        // Listening begins before the look, so that a commit during it is not missed.
        let mut woken = pin!(wake.notified());
        woken.as_mut().enable();
        let pause = match context.feed.heads().await {
            Ok(seen) => {
                backoff.recovered("the heads of the log can be read again");
                let moved = heads.send_if_modified(|known| std::mem::replace(known, seen) != *known);
                quiet_looks = if moved { 0 } else { quiet_looks + 1 };
                let slower = quiet_looks.saturating_sub(QUIET_LOOKS) + 1;
                (context.config.poll_busy * slower).min(context.config.poll_idle)
            }
            Err(error) => {
                context.feed.forget().await;
                backoff.failed(&error, "the heads of the log cannot be read; tried again until they can")
            }
        };
        // A wake-up ends the pause early, yet never before the busy interval: what queues meanwhile comes in one batch.
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = sleep(pause) => {}
            () = async { woken.await; sleep_until(looked_at + context.config.poll_busy).await } => {}
        }
    }
}

/// Stops everything when the log was rewound under the checkpoints.
async fn check(context: Context, stop: CancellationToken) -> Result<(), Stopped> {
    loop {
        if let Ok(misfits) = checkpoint::misfits(&context.pool).await
            && let Some(misfit) = misfits.into_iter().next()
        {
            return Err(Stopped::Misfit(misfit));
        }
        context.standing.refresh_metrics();
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = sleep(CHECK_INTERVAL) => {}
        }
    }
}

/// The loop of one projection.
async fn follow<P: Projection>(
    context: Context,
    mut heads: watch::Receiver<Heads>,
    stop: CancellationToken,
) -> Result<(), Stopped> {
    let mut backoff = Backoff::default();
    let mut positions = None;
    while !stop.is_cancelled() {
        let pause = match step::<P>(&context, &mut positions, &mut heads).await {
            Ok(Progress::More) => {
                backoff.recovered(P::NAME);
                continue;
            }
            Ok(Progress::CaughtUp) => {
                backoff.recovered(P::NAME);
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    changed = heads.changed() => if changed.is_err() { return Ok(()) },
                }
                continue;
            }
            Err(failure @ Failure::TakenBack { .. }) => return Err(Stopped::TakenBack(failure)),
            Err(failure) => {
                // What this loop remembers may be what was wrong.
                positions = None;
                context.metrics.retries.with_label_values(&[P::NAME]).inc();
                backoff.failed(&failure, P::NAME)
            }
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = sleep(pause) => {}
        }
    }
    Ok(())
}

enum Progress {
    More,
    CaughtUp,
}

async fn step<P: Projection>(
    context: &Context,
    positions: &mut Option<crate::apply::Positions>,
    heads: &mut watch::Receiver<Heads>,
) -> Result<Progress, Failure> {
    let Context { pool, config, metrics, standing, feed } = context;
    let positions = match positions {
        Some(positions) => positions,
        None => {
            let parked = parked::count(pool, P::NAME).await?;
            metrics.parked_streams.with_label_values(&[P::NAME]).set(parked);
            positions.insert(checkpoint::positions(pool, P::NAME).await?)
        }
    };
    let ends = heads.borrow_and_update().clone();
    let ranges = next_ranges(positions, &ends, config.batch_events);
    if ranges.is_empty() {
        standing.waits(P::NAME, 0, None);
        return Ok(Progress::CaughtUp);
    }
    let events = feed.read(&ranges).await?;
    let oldest = events.iter().map(|event| event.recorded_at).min();
    standing.waits(P::NAME, events_behind(positions, &ends), oldest);
    let began = Instant::now();
    let applied = apply::<P>(pool, feed, events, config.batch_events).await?;
    metrics.apply_seconds.with_label_values(&[P::NAME]).observe(began.elapsed().as_secs_f64());
    metrics.batch_events.with_label_values(&[P::NAME]).observe(applied.events as f64);
    metrics.events.with_label_values(&[P::NAME]).inc_by(applied.events as u64);
    metrics.parked_streams.with_label_values(&[P::NAME]).add(applied.parked as i64);
    positions.extend(applied.positions);
    Ok(Progress::More)
}

/// Waits longer from failure to failure, and says so once.
#[derive(Debug, Default)]
struct Backoff {
    last: Option<Duration>,
}

impl Backoff {
    fn failed(&mut self, error: &dyn std::error::Error, what: &str) -> Duration {
        let pause = self.last.map_or(BACKOFF_FIRST, |last| (last * 2).min(BACKOFF_MAX));
        if self.last.replace(pause).is_none() {
            let error = crate::event::Fault::of(error).0;
            tracing::warn!(%error, what, "the projector waits for the database and tries again");
        }
        pause
    }

    fn recovered(&mut self, what: &str) {
        if self.last.take().is_some() {
            tracing::info!(what, "the projector goes on");
        }
    }
}
