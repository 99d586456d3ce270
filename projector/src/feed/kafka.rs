//! The feed that Kafka brings: many processes share the partitions, and each event is read from the store only by the
//! relay. Kafka distributes and is never the truth. A record moves the end of its partition and is remembered; whatever
//! is asked for and not remembered is read from the store. So a gap, a lost record, a record that nobody can read and a
//! Kafka that is away all come to the same: the store is asked instead.
//!
//! It never decides what is applied. Which events of which epoch follow which is the transaction's to judge.

mod consumer;
mod metrics;
mod offsets;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_schemas::topic::Record;
use platform::kafka::Settings;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::owned::{Held, Owned};
use super::store::ReadThrough;
use super::{Feed, Heads, Range, log::LogReader};
use crate::backoff::Backoff;
use crate::checkpoint::Log;
use crate::config::Config;
use crate::event::{Event, StoredEvent};
use crate::progress::Progress;
use crate::projector::Stopped;
use crate::registry::BoxFuture;
use offsets::Offsets;

pub use metrics::KafkaMetrics;

/// How often the ends of the partitions are compared with the store's.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// A partition that brought nothing for so long, although the store has more, has lost its last record.
const SILENCE_MAX: Duration = Duration::from_secs(1);
/// What is at work on a partition that is taken away gets this long to end: well within what the group allows.
const GIVE_UP_MAX: Duration = Duration::from_secs(10);
/// Leaving the group asks the broker, which may be away.
const CLOSE_MAX: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct KafkaFeed {
    settings: Settings,
    config: Config,
    metrics: KafkaMetrics,
    progress: Progress,
    events: ReadThrough,
    owned: Owned,
    heads: watch::Sender<Heads>,
    log_heads: watch::Sender<Heads>,
    state: Mutex<State>,
    /// Tells that the log should be looked at now.
    look: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// As it was at the last look.
    log: BTreeMap<i16, Log>,
    /// Since when a partition's end has been where it is.
    still: BTreeMap<i16, (i64, Option<Instant>)>,
    offsets: Offsets,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Taken,
    /// Every loop has passed it.
    Duplicate,
    /// A restore took its place back.
    OfDeadEpoch,
}

impl KafkaFeed {
    pub(crate) fn new(
        log: LogReader,
        config: Config,
        settings: Settings,
        metrics: KafkaMetrics,
        progress: Progress,
    ) -> Self {
        Self {
            settings,
            config,
            metrics,
            progress,
            events: ReadThrough::new(log),
            owned: Owned::none(),
            heads: watch::Sender::default(),
            log_heads: watch::Sender::default(),
            state: Mutex::default(),
            look: Notify::new(),
        }
    }

    /// Partitions that the group has given to this process. Their ends are the store's, until records move them.
    fn take(&self, partitions: &[i16]) {
        self.owned.take(partitions.iter().copied());
        self.look.notify_one();
    }

    /// Blocks until nothing is at work on them any more, or for as long as may be.
    fn give_up(&self, partitions: &[i16]) {
        let without = |heads: &mut Heads| heads.retain(|partition, _| !partitions.contains(partition));
        self.heads.send_modify(without);
        self.log_heads.send_modify(without);
        if !self.owned.give_up(partitions, GIVE_UP_MAX) {
            tracing::warn!(?partitions, "partitions are given up while a transaction is still at work on them");
        }
        self.events.recent().drop_partitions(partitions);
        self.state().offsets.drop_partitions(partitions);
    }

    /// Remembers a record and where it moves its partition's end, which is published by the caller.
    fn accept(&self, record: Record, offset: i64, passed: &BTreeMap<i16, i64>, ends: &mut Heads) -> Fate {
        let (partition, seq) = (record.partition, record.seq);
        let mut state = self.state();
        let log = state.log.get(&partition);
        if log.is_some_and(|log| log.epochs.is_over(record.epoch, seq)) {
            return Fate::OfDeadEpoch;
        }
        if log.is_none_or(|log| log.epochs.at(seq) != Some(record.epoch)) {
            // An epoch that the last look did not see yet. The transaction judges whether it is one.
            self.look.notify_one();
        }
        state.offsets.note(partition, seq, offset);
        drop(state);
        if passed.get(&partition).is_some_and(|passed| seq <= *passed) {
            return Fate::Duplicate;
        }
        self.events.recent().put(&Arc::new(Event::from(StoredEvent::from(record))));
        let end = ends.entry(partition).or_insert(seq);
        *end = seq.max(*end);
        Fate::Taken
    }

    fn publish(&self, ends: &mut Heads) {
        self.heads.send_if_modified(|heads| {
            let mut moved = false;
            for (partition, end) in std::mem::take(ends) {
                let known = heads.get(&partition).copied().unwrap_or(0);
                // One that was given up meanwhile is nobody's here.
                if end > known && self.owned.has(partition) {
                    heads.insert(partition, end);
                    moved = true;
                }
            }
            moved
        });
    }

    /// Compares with the store: the end of a partition that is new here, that was silent, or that the store lost.
    async fn look(&self) -> Result<(), sqlx::Error> {
        let log = self.events.log.ends().await?;
        let (mut state, now) = (self.state(), Instant::now());
        state.log = log;
        let State { log, still, .. } = &mut *state;
        log.retain(|partition, _| self.owned.has(*partition));
        still.retain(|partition, _| self.owned.has(*partition));
        let ends: Heads = log.iter().map(|(partition, log)| (*partition, log.head)).collect();
        self.log_heads.send_if_modified(|known| std::mem::replace(known, ends.clone()) != ends);
        self.heads.send_if_modified(|heads| {
            let before = heads.clone();
            heads.retain(|partition, _| self.owned.has(*partition));
            for (&partition, &end) in &ends {
                let known = heads.get(&partition).copied();
                if is_wrong(known, end, now, still.entry(partition).or_default()) {
                    self.metrics.refilled.inc_by(known.map_or(0, |known| u64::from(known < end)));
                    heads.insert(partition, end);
                }
            }
            let behind = |(partition, end): (&i16, &i64)| (end - heads.get(partition).unwrap_or(end)).max(0);
            self.metrics.lag_events.set(ends.iter().map(behind).sum());
            *heads != before
        });
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What it holds is looked up again anyway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep_looking(&self) {
        let mut backoff = Backoff::default();
        loop {
            let pause = match self.look().await {
                Ok(()) => {
                    backoff.recovered("the heads of the log");
                    LOOK_INTERVAL
                }
                Err(error) => {
                    self.events.recent().clear();
                    backoff.failed(&error, "the heads of the log")
                }
            };
            tokio::select! {
                () = self.look.notified() => {}
                () = sleep(pause) => {}
            }
        }
    }
}

/// Whether the known end of a partition must become the store's. `still` is since when it has been where it is.
fn is_wrong(known: Option<i64>, end: i64, now: Instant, still: &mut (i64, Option<Instant>)) -> bool {
    let Some(known) = known else { return true };
    if still.0 != known || still.1.is_none() {
        *still = (known, Some(now));
    }
    let silent = still.1.is_some_and(|since| now.duration_since(since) >= SILENCE_MAX);
    known > end || (known < end && silent)
}

impl Feed for KafkaFeed {
    fn heads(&self) -> watch::Receiver<Heads> {
        self.heads.subscribe()
    }

    fn log_heads(&self) -> watch::Receiver<Heads> {
        self.log_heads.subscribe()
    }

    fn read<'a>(&'a self, ranges: &'a [Range]) -> BoxFuture<'a, Result<Vec<Arc<Event>>, sqlx::Error>> {
        Box::pin(self.events.read(ranges))
    }

    fn forget(&self) {
        self.events.recent().clear();
        self.look.notify_one();
    }

    fn hold(&self, partitions: &mut dyn Iterator<Item = i16>) -> Held {
        self.owned.hold(partitions)
    }

    fn run(self: Arc<Self>, _wake: Arc<Notify>, stop: CancellationToken) -> BoxFuture<'static, Result<(), Stopped>> {
        Box::pin(async move {
            // The thread ends with this future, however that ends.
            let ends = CancellationToken::new();
            let guard = ends.clone().drop_guard();
            let (feed, (ended, mut has_ended)) = (Arc::clone(&self), oneshot::channel());
            let consume = move || ended.send(consumer::run(&feed, &ends));
            std::thread::Builder::new().name("kafka-feed".to_owned()).spawn(consume).map_err(Stopped::Thread)?;
            tokio::select! {
                () = self.keep_looking() => {}
                () = stop.cancelled() => {}
                outcome = &mut has_ended => return outcome.unwrap_or(Ok(())),
            }
            drop(guard);
            timeout(CLOSE_MAX, has_ended).await.ok().and_then(Result::ok).unwrap_or_else(|| {
                tracing::warn!("Kafka was not told that this projector leaves");
                Ok(())
            })
        })
    }
}

impl From<Record> for StoredEvent {
    fn from(record: Record) -> Self {
        Self {
            epoch: record.epoch,
            partition: record.partition,
            seq: record.seq,
            tenant_id: record.tenant,
            stream_id: record.stream,
            stream_version: record.stream_version,
            event_id: record.event_id,
            type_name: record.type_name,
            schema_version: record.schema_version,
            recorded_at: chrono::DateTime::from_timestamp_micros(record.recorded_at).unwrap_or_default(),
            header: record.header,
            body: record.body,
            meta: record.meta,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_the_stores_when_it_is_new_lost_or_silent() {
        let (begin, mut still) = (Instant::now(), (0, None));
        assert!(is_wrong(None, 5, begin, &mut still), "nothing is known yet");
        assert!(is_wrong(Some(9), 5, begin, &mut still), "the store lost its end");
        assert!(!is_wrong(Some(4), 5, begin, &mut still), "the record may still come");
        assert!(!is_wrong(Some(5), 6, begin + SILENCE_MAX, &mut still), "it came, the next may");
        assert!(is_wrong(Some(5), 6, begin + 2 * SILENCE_MAX, &mut still), "it does not");
    }
}
