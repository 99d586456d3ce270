//! One loop for each generation that this program fills, begun and ended as operators decide, and the looks that concern
//! them all: whether checkpoints and log still belong together, how far behind everybody is, what nobody fills any more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::checkpoint::{self, Misfit};
use crate::event::Fault;
use crate::follow::{Ended, follow};
use crate::generations::{self, Tailed};
use crate::projector::{Context, Stopped};
use crate::registry::Target;

/// How often the generations are looked at when nobody tells.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is said that generations are filled; well within what makes one frozen.
const MARK_INTERVAL: Duration = Duration::from_secs(5);

pub(crate) struct Supervisor {
    context: Context,
    stop: CancellationToken,
    loops: JoinSet<(Target, Ended)>,
    running: BTreeMap<Target, Running>,
    /// Generations that a restore took back: they cannot go on, and are rebuilt.
    taken_back: BTreeSet<Target>,
    marked_at: Option<Instant>,
}

struct Running {
    tailed: Tailed,
    stop: CancellationToken,
}

/// Why a look came to nothing.
enum Blind {
    Database(sqlx::Error),
    Stopped(Stopped),
}

impl Supervisor {
    pub(crate) fn new(context: Context, stop: CancellationToken) -> Self {
        let (loops, running) = (JoinSet::new(), BTreeMap::new());
        Self { context, stop, loops, running, taken_back: BTreeSet::new(), marked_at: None }
    }

    /// Until told to stop, and then until the current transactions are through.
    pub(crate) async fn run(mut self) -> Result<(), Stopped> {
        let mut backoff = Backoff::default();
        let outcome = loop {
            match self.look().await {
                Ok(()) => backoff.recovered("generations"),
                Err(Blind::Database(error)) => {
                    self.context.standing.refresh_metrics();
                    backoff.failed(&error, "generations");
                }
                Err(Blind::Stopped(stopped)) => break Err(stopped),
            }
            tokio::select! {
                () = self.stop.cancelled() => break Ok(()),
                () = self.context.told.notified() => {}
                () = sleep(LOOK_INTERVAL) => {}
                Some(ended) = self.loops.join_next() => match ended {
                    Ok((target, ended)) => self.ended(target, ended),
                    Err(broken) => break Err(Stopped::Broken(broken)),
                },
            }
        };
        self.running.values().for_each(|running| running.stop.cancel());
        while self.loops.join_next().await.is_some() {}
        outcome
    }

    async fn look(&mut self) -> Result<(), Blind> {
        let pool = self.context.pools.shared();
        let tailed = generations::tailed(pool).await?;
        let misfits = checkpoint::misfits(pool).await?;
        self.judge(&tailed, misfits)?;
        self.arrange(&tailed);
        if self.marked_at.is_none_or(|at| at.elapsed() >= MARK_INTERVAL) {
            self.mark().await?;
        }
        self.context.standing.look(self.context.pools.shared(), &tailed, &self.taken_back).await?;
        Ok(())
    }

    /// What a restore took back stops alone; a log that ends before a checkpoint without saying why stops everything.
    fn judge(&mut self, tailed: &[Tailed], misfits: Vec<Misfit>) -> Result<(), Stopped> {
        let mut taken_back = BTreeSet::new();
        for misfit in misfits {
            let is_it = |target: &Target| target.name() == misfit.projection && target.generation == misfit.generation;
            let Some(target) = tailed.iter().map(|tailed| tailed.target).find(is_it) else { continue };
            if !misfit.taken_back {
                return Err(Stopped::Misfit(misfit));
            }
            if taken_back.insert(target) && !self.taken_back.contains(&target) {
                tracing::error!(stopped = %Stopped::TakenBack(target.to_string()), partition = misfit.partition,
                    seq = misfit.seq, "a generation cannot go on");
                self.marked_at = None;
            }
        }
        self.taken_back = taken_back;
        Ok(())
    }

    fn arrange(&mut self, tailed: &[Tailed]) {
        let wanted = |wanted: &Tailed| !self.taken_back.contains(&wanted.target);
        let wanted: BTreeMap<Target, Tailed> =
            tailed.iter().filter(|tailed| wanted(tailed)).map(|tailed| (tailed.target, *tailed)).collect();
        for (target, running) in &self.running {
            // A loop that changes its stage begins again when it has ended.
            if wanted.get(target) != Some(&running.tailed) {
                running.stop.cancel();
            }
        }
        for (target, tailed) in wanted {
            self.running.entry(target).or_insert_with(|| {
                tracing::info!(projection = target.name(), generation = target.generation, stage = ?tailed.stage, "a generation is followed");
                let (context, stop) = (self.context.clone(), CancellationToken::new());
                let stopped = stop.clone();
                self.loops.spawn(async move { (target, follow(context, tailed, stopped).await) });
                Running { tailed, stop }
            });
        }
    }

    async fn mark(&mut self) -> Result<(), sqlx::Error> {
        let pool = self.context.pools.shared();
        let running: Vec<Target> = self.running.keys().copied().filter(|it| !self.taken_back.contains(it)).collect();
        generations::mark_tailed(pool, &running).await?;
        generations::freeze(pool, &self.taken_back.iter().copied().collect::<Vec<_>>()).await?;
        for (projection, generation) in generations::freeze_abandoned(pool).await? {
            tracing::error!(projection, generation, "a live generation is filled by no program: it is served as it is");
        }
        self.marked_at = Some(Instant::now());
        Ok(())
    }

    fn ended(&mut self, target: Target, ended: Ended) {
        self.running.remove(&target);
        if let Ended::TakenBack(failure) = ended {
            tracing::error!(error = %Fault::of(&failure).0, projection = target.name(), generation = target.generation,
                "a generation stops");
        }
    }
}

impl From<sqlx::Error> for Blind {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Stopped> for Blind {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}
