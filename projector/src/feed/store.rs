//! The feed that follows the event store itself: what one machine uses, and what any other feed falls back on. Its heads
//! are polled, often while something happens and rarely while nothing does.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::owned::{Held, Owned};
use super::recent::Recent;
use super::{Feed, Heads, Range, log::LogReader};
use crate::backoff::Backoff;
use crate::config::Config;
use crate::event::Event;
use crate::projector::Stopped;
use crate::registry::BoxFuture;

/// Looks at unchanged heads before polling becomes slower, step by step.
const QUIET_LOOKS: u32 = 20;

#[derive(Debug)]
pub(crate) struct StoreFeed {
    config: Config,
    heads: watch::Sender<Heads>,
    owned: Owned,
    events: ReadThrough,
}

/// What is remembered of the log, and the log behind it.
#[derive(Debug)]
pub(super) struct ReadThrough {
    pub(super) log: LogReader,
    recent: Mutex<Recent>,
    /// Projections ask for the same ranges at the same time: the first reads, the others wait for it and find the events.
    reading: tokio::sync::Mutex<()>,
}

impl StoreFeed {
    pub(crate) fn new(log: LogReader, config: Config) -> Self {
        Self { config, heads: watch::Sender::default(), owned: Owned::all(), events: ReadThrough::new(log) }
    }

    async fn watch(&self, wake: &Notify, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        let mut quiet_looks: u32 = 0;
        loop {
            let looked_at = Instant::now();
            // Listening begins before the look, so that a commit during it is not missed.
            let mut woken = pin!(wake.notified());
            woken.as_mut().enable();
            let pause = match self.events.log.heads().await {
                Ok(seen) => {
                    backoff.recovered("the heads of the log");
                    let moved = self.heads.send_if_modified(|known| std::mem::replace(known, seen) != *known);
                    quiet_looks = if moved { 0 } else { quiet_looks + 1 };
                    let slower = quiet_looks.saturating_sub(QUIET_LOOKS) + 1;
                    (self.config.poll_busy * slower).min(self.config.poll_idle)
                }
                Err(error) => {
                    self.forget();
                    backoff.failed(&error, "the heads of the log")
                }
            };
            // A wake-up ends the pause early, yet never before the busy interval: what queues meanwhile comes in one batch.
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
                () = async { woken.await; sleep_until(looked_at + self.config.poll_busy).await } => {}
            }
        }
    }
}

impl Feed for StoreFeed {
    fn heads(&self) -> watch::Receiver<Heads> {
        self.heads.subscribe()
    }

    fn log_heads(&self) -> watch::Receiver<Heads> {
        self.heads.subscribe()
    }

    fn read<'a>(&'a self, ranges: &'a [Range]) -> BoxFuture<'a, Result<Vec<Arc<Event>>, sqlx::Error>> {
        Box::pin(self.events.read(ranges))
    }

    fn forget(&self) {
        self.events.recent().clear();
    }

    fn hold(&self, partitions: &mut dyn Iterator<Item = i16>) -> Held {
        self.owned.hold(partitions)
    }

    fn run(self: Arc<Self>, wake: Arc<Notify>, stop: CancellationToken) -> BoxFuture<'static, Result<(), Stopped>> {
        Box::pin(async move {
            self.watch(&wake, &stop).await;
            Ok(())
        })
    }
}

impl ReadThrough {
    pub(super) fn new(log: LogReader) -> Self {
        Self { log, recent: Mutex::default(), reading: tokio::sync::Mutex::default() }
    }

    pub(super) async fn read(&self, ranges: &[Range]) -> Result<Vec<Arc<Event>>, sqlx::Error> {
        let (events, missing) = self.known(ranges);
        if missing.is_empty() {
            return Ok(events);
        }
        let _reading = self.reading.lock().await;
        let (mut events, missing) = self.known(ranges);
        if !missing.is_empty() {
            let read = self.log.read(&missing).await?;
            let mut recent = self.recent();
            read.iter().for_each(|event| recent.put(event));
            drop(recent);
            events.extend(read);
            events.sort_by_key(|event| event.place);
        }
        Ok(events)
    }

    pub(super) fn recent(&self) -> MutexGuard<'_, Recent> {
        // At worst an event is missing, which is then read from the store.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, ranges: &[Range]) -> (Vec<Arc<Event>>, Vec<Range>) {
        let recent = self.recent();
        let (mut events, mut missing) = (vec![], vec![]);
        for &range in ranges {
            match recent.get(range) {
                Some(known) => events.extend(known),
                None => missing.push(range),
            }
        }
        (events, missing)
    }
}
