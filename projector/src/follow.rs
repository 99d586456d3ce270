//! The loop of one generation: reads and applies, the same way whether it is a million events behind or none.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::apply::{Applied, apply};
use crate::backoff::Backoff;
use crate::checkpoint;
use crate::event::{Event, Place};
use crate::failure::Failure;
use crate::feed::{Heads, Range, next_ranges};
use crate::generations::{Stage, Tailed};
use crate::parked;
use crate::progress::Positions;
use crate::projector::Context;
use crate::registry::Target;

/// What a loop remembers of its checkpoints is asked again after that, and where it lies beyond the end of a partition:
/// others move them, and a restore moves them back.
const REMEMBERED_MAX: Duration = Duration::from_secs(1);

/// A generation that is being filled takes larger batches: nobody waits for their rows, and each costs less an event.
const FILLING_FACTOR: usize = 4;

/// How a loop ended that was not told to.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The generation is not there any more, or the loop was told to stop.
    Quietly,
    /// The log was restored to before its checkpoint.
    TakenBack(Failure),
}

struct Follower {
    context: Context,
    target: Target,
    stage: Stage,
    heads: watch::Receiver<Heads>,
    remembered: Option<(Instant, Positions)>,
    ahead: Option<Ahead>,
}

/// What a filling loop will want next, read and decoded while Postgres is busy with the batch before.
struct Ahead {
    ranges: Vec<Range>,
    reading: JoinSet<Result<Vec<Arc<Event>>, sqlx::Error>>,
}

enum Step {
    More,
    CaughtUp,
}

pub(crate) async fn follow(context: Context, tailed: Tailed, stop: CancellationToken) -> Ended {
    let Tailed { target, stage } = tailed;
    let heads = if stage == Stage::Filling { context.feed.log_heads() } else { context.feed.heads() };
    let ended =
        Follower { context: context.clone(), target, stage, heads, remembered: None, ahead: None }.run(stop).await;
    context.progress.ended(target);
    ended
}

impl Follower {
    async fn run(mut self, stop: CancellationToken) -> Ended {
        let what = self.target.to_string();
        let mut backoff = Backoff::default();
        // A series that began with its first failure would hide that one from every rate.
        self.context.metrics.retries.with_label_values(&self.target.labels());
        if let Ok(parked) = parked::count(self.context.pools.shared(), self.target).await {
            self.context.metrics.parked_streams.with_label_values(&self.target.labels()).set(parked);
        }
        while !stop.is_cancelled() {
            let pause = match self.step().await {
                Ok(step) => {
                    backoff.recovered(&what);
                    match step {
                        Step::More => continue,
                        Step::CaughtUp => None,
                    }
                }
                Err(Failure::Gone) => return Ended::Quietly,
                Err(failure @ Failure::TakenBack { .. }) => return Ended::TakenBack(failure),
                Err(failure) => Some(backoff.failed(&self.doubt(failure), &what)),
            };
            tokio::select! {
                () = stop.cancelled() => return Ended::Quietly,
                changed = self.heads.changed(), if pause.is_none() => if changed.is_err() { return Ended::Quietly },
                // A crash of Postgres can take back what was applied last: the heads say nothing of it, checkpoints do.
                () = sleep(pause.unwrap_or(REMEMBERED_MAX)) => {}
            }
        }
        Ended::Quietly
    }

    /// What this loop remembers may be what was wrong, and what the feed has, too.
    fn doubt(&mut self, failure: Failure) -> Failure {
        (self.remembered, self.ahead) = (None, None);
        self.context.metrics.retries.with_label_values(&self.target.labels()).inc();
        if let Failure::Stale { place, epoch } = failure {
            tracing::warn!(
                projection = self.target.name(),
                generation = self.target.generation,
                partition = place.partition,
                seq = place.seq,
                epoch,
                "an event from before a restore is not applied"
            );
            self.context.metrics.stale.inc();
        }
        if matches!(failure, Failure::Stale { .. } | Failure::Missing(_)) {
            self.context.feed.forget();
        }
        failure
    }

    async fn step(&mut self) -> Result<Step, Failure> {
        let ends = self.heads.borrow_and_update().clone();
        let events_max = match self.stage {
            Stage::Filling => self.context.config.batch_events * FILLING_FACTOR,
            Stage::Beside | Stage::Live => self.context.config.batch_events,
        };
        let mut ranges = next_ranges(self.positions(&ends).await?, &ends, events_max);
        let feed = Arc::clone(&self.context.feed);
        let held = feed.hold(&mut ranges.iter().map(|range| range.partition));
        ranges.retain(|range| held.partitions.contains(&range.partition));
        if ranges.is_empty() {
            return Ok(Step::CaughtUp);
        }
        let events = self.read(&ranges).await?;
        if let ([], [Range { partition, after: seq, .. }, ..]) = (events.as_slice(), ranges.as_slice()) {
            return Err(Failure::Missing(Place { partition: *partition, seq: *seq }));
        }
        if self.stage == Stage::Filling {
            self.read_ahead(&ranges, &ends, events_max);
        }
        let began = Instant::now();
        let applied = apply(&self.context.pools, self.target, events, events_max).await?;
        self.count(&applied, began.elapsed());
        if let Some((_, positions)) = &mut self.remembered {
            positions.extend(&applied.positions);
        }
        if self.stage != Stage::Filling {
            self.context.progress.reached(self.target, &applied.positions);
        }
        Ok(Step::More)
    }

    /// A rebuild reads the log itself: it is far behind any feed, and would push out what the others wait for.
    async fn read(&mut self, ranges: &[Range]) -> Result<Vec<Arc<Event>>, sqlx::Error> {
        if let Some(mut ahead) = self.ahead.take()
            && ahead.ranges == ranges
            && let Some(Ok(read)) = ahead.reading.join_next().await
        {
            return read;
        }
        match self.stage {
            Stage::Filling => self.context.log.read(ranges).await,
            Stage::Beside | Stage::Live => self.context.feed.read(ranges).await,
        }
    }

    /// Begins to read what follows these ranges.
    fn read_ahead(&mut self, ranges: &[Range], ends: &Heads, events_max: usize) {
        let Some((_, positions)) = &self.remembered else { return };
        let mut positions = positions.clone();
        positions.extend(ranges.iter().map(|range| (range.partition, range.upto)));
        let next = next_ranges(&positions, ends, events_max);
        if next.is_empty() {
            return;
        }
        let (log, ranges) = (self.context.log.clone(), next.clone());
        let mut reading = JoinSet::new();
        reading.spawn(async move { log.read(&next).await });
        self.ahead = Some(Ahead { ranges, reading });
    }

    async fn positions(&mut self, ends: &Heads) -> Result<&Positions, sqlx::Error> {
        let is_beyond =
            |positions: &Positions| ends.iter().any(|(partition, end)| positions.get(partition) > Some(end));
        let remembered = match self.remembered.take() {
            Some((at, positions)) if at.elapsed() <= REMEMBERED_MAX && !is_beyond(&positions) => (at, positions),
            Some(_) | None => {
                let positions = checkpoint::positions(self.context.pools.shared(), self.target).await?;
                if self.stage != Stage::Filling {
                    self.context.progress.reached(self.target, &positions);
                }
                (Instant::now(), positions)
            }
        };
        Ok(&self.remembered.insert(remembered).1)
    }

    fn count(&self, applied: &Applied, took: Duration) {
        let (metrics, labels) = (&self.context.metrics, self.target.labels());
        metrics.apply_seconds.with_label_values(&labels).observe(took.as_secs_f64());
        metrics.batch_events.with_label_values(&labels).observe(applied.events as f64);
        metrics.events.with_label_values(&labels).inc_by(applied.events as u64);
        metrics.parked_streams.with_label_values(&labels).add(applied.parked as i64);
    }
}
