//! The thread that polls Kafka. It reads each record once for all projections, moves the ends of partitions no more often
//! than batches are wanted, and lets Kafka wait while the projections are behind by all that may be remembered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_schemas::topic::Record;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use super::{Fate, KafkaFeed};
use crate::backoff::Backoff;
use crate::event::Fault;
use crate::feed::Heads;
use crate::feed::recent::RECENT_MAX_BYTES;
use crate::projector::Stopped;

/// A member that is silent for so long is taken for dead, and its partitions go to the others.
const SESSION_TIMEOUT_MS: &str = "8000";
const HEARTBEAT_INTERVAL_MS: &str = "2000";
/// A topic that is made later is found within that time.
const METADATA_INTERVAL_MS: &str = "10000";
/// Also how long it may take to notice that the process stops.
const POLL_MAX: Duration = Duration::from_millis(100);
/// How often it is asked how far the loops have come.
const ASK_INTERVAL: Duration = Duration::from_millis(20);
/// How often the group is told.
const COMMIT_INTERVAL: Duration = Duration::from_secs(5);
/// Nobody has read so much of what is remembered: fetching waits, and goes on when half of it was read.
const AHEAD_MAX_BYTES: usize = RECENT_MAX_BYTES / 2;
const FATE: [&str; 4] = ["taken", "duplicate", "dead_epoch", "unreadable"];

type Client = BaseConsumer<Membership>;

struct Consumer<'a> {
    feed: &'a KafkaFeed,
    client: Client,
    /// Ends that are not published yet.
    ends: Heads,
    published_at: Instant,
    asked_at: Instant,
    committed_at: Instant,
    /// Of each partition, what every loop has passed.
    passed: BTreeMap<i16, i64>,
    held_back: bool,
    backoff: Backoff,
}

/// Told by the client, on this thread, which partitions are this process's.
struct Membership(Arc<KafkaFeed>);

/// Until told to stop; then the group is told, too.
pub(super) fn run(feed: &Arc<KafkaFeed>, stop: &CancellationToken) -> Result<(), Stopped> {
    let settings = &feed.settings;
    let mut config = settings.consumer_config(&settings.group);
    config
        .set("session.timeout.ms", SESSION_TIMEOUT_MS)
        .set("heartbeat.interval.ms", HEARTBEAT_INTERVAL_MS)
        // What lies before is read from the store, faster.
        .set("auto.offset.reset", "latest")
        .set("topic.metadata.refresh.interval.ms", METADATA_INTERVAL_MS)
        .set_log_level(RDKafkaLogLevel::Warning);
    let client: Client = config.create_with_context(Membership(Arc::clone(feed)))?;
    client.subscribe(&[&settings.topic])?;
    let now = Instant::now();
    let mut consumer = Consumer {
        feed,
        client,
        ends: Heads::new(),
        published_at: now,
        asked_at: now,
        committed_at: now,
        passed: BTreeMap::new(),
        held_back: false,
        backoff: Backoff::default(),
    };
    while !stop.is_cancelled() {
        consumer.turn()?;
    }
    consumer.commit();
    Ok(())
}

impl Consumer<'_> {
    fn turn(&mut self) -> Result<(), Stopped> {
        match self.client.poll(self.patience()) {
            Some(Ok(message)) => {
                self.feed
                    .metrics
                    .records
                    .with_label_values(&[take(self.feed, &message, &self.passed, &mut self.ends)])
                    .inc();
                drop(message);
                self.backoff.recovered("Kafka");
            }
            Some(Err(error)) => self.failed(error)?,
            None => {}
        }
        if !self.ends.is_empty() && self.published_at.elapsed() >= self.feed.config.poll_busy {
            self.feed.publish(&mut self.ends);
            self.published_at = Instant::now();
        }
        if self.asked_at.elapsed() >= ASK_INTERVAL {
            self.asked_at = Instant::now();
            self.passed = self.feed.progress.slowest();
            self.hold_back();
        }
        if self.committed_at.elapsed() >= COMMIT_INTERVAL {
            self.commit();
        }
        Ok(())
    }

    /// What has come is not kept waiting for what has not.
    fn patience(&self) -> Duration {
        if self.ends.is_empty() {
            POLL_MAX
        } else {
            self.feed.config.poll_busy.saturating_sub(self.published_at.elapsed()).min(POLL_MAX)
        }
    }

    fn failed(&mut self, error: KafkaError) -> Result<(), Stopped> {
        self.feed.metrics.errors.inc();
        if let KafkaError::MessageConsumptionFatal(_) = error {
            return Err(error.into());
        }
        if let KafkaError::MessageConsumption(RDKafkaErrorCode::PollExceeded) = error {
            self.feed.metrics.expelled.inc();
            tracing::error!("the consumer group went on without this projector, which did not poll for minutes");
        }
        // The client goes on by itself; polling it again at once is what lets it.
        self.backoff.failed(&error, "Kafka");
        Ok(())
    }

    /// Fetching further ahead would push out what nobody has read yet, and the store would be asked for it again.
    fn hold_back(&mut self) {
        let limit = if self.held_back { AHEAD_MAX_BYTES / 2 } else { AHEAD_MAX_BYTES };
        let fastest = self.feed.progress.fastest();
        let too_far = self.feed.events.recent().is_ahead(&fastest, limit);
        if !self.held_back && !too_far {
            return;
        }
        let assigned = self.client.assignment();
        // Held back are also partitions that came meanwhile.
        let change = |all| if too_far { self.client.pause(&all) } else { self.client.resume(&all) };
        let done = assigned.and_then(change);
        match done {
            Ok(()) => self.held_back = too_far,
            Err(error) => tracing::warn!(error = %Fault::of(&error).0, "Kafka cannot be held back"),
        }
        self.feed.metrics.held_back.set(i64::from(self.held_back));
    }

    fn commit(&mut self) {
        self.committed_at = Instant::now();
        let next = self.feed.state().offsets.passed(&self.feed.progress.slowest());
        let mut offsets = TopicPartitionList::new();
        for (partition, offset) in next.into_iter().filter(|(partition, _)| self.feed.owned.has(*partition)) {
            // The number of a partition is one of ours, and an offset is one that Kafka gave.
            let _ =
                offsets.add_partition_offset(&self.feed.settings.topic, i32::from(partition), Offset::Offset(offset));
        }
        if offsets.count() > 0
            && let Err(error) = self.client.commit(&offsets, CommitMode::Async)
        {
            tracing::debug!(error = %Fault::of(&error).0, "the group was not told how far this projector is");
        }
    }
}

/// What became of it.
fn take(
    feed: &KafkaFeed,
    message: &BorrowedMessage<'_>,
    passed: &BTreeMap<i16, i64>,
    ends: &mut Heads,
) -> &'static str {
    let [taken, duplicate, dead_epoch, unreadable] = FATE;
    let headers = message.headers();
    let headers = headers.iter().flat_map(|headers| headers.iter());
    let headers = headers.map(|header| (header.key, header.value.unwrap_or_default()));
    match Record::parse(message.partition(), message.key(), headers, message.payload()) {
        Ok(record) => match feed.accept(record, message.offset(), passed, ends) {
            Fate::Taken => taken,
            Fate::Duplicate => duplicate,
            Fate::OfDeadEpoch => dead_epoch,
        },
        Err(error) => {
            // The record behind it, or the silence, will have its event read from the store.
            tracing::error!(error = %Fault::of(&error).0, partition = message.partition(), offset = message.offset(),
                "a record of the topic cannot be read");
            unreadable
        }
    }
}

impl ClientContext for Membership {}

impl ConsumerContext for Membership {
    fn pre_rebalance(&self, _: &Client, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance {
            self.0.metrics.rebalances.inc();
            self.0.give_up(&numbers(partitions));
            self.count();
        }
    }

    fn post_rebalance(&self, _: &Client, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            self.0.metrics.rebalances.inc();
            self.0.take(&numbers(partitions));
            self.count();
        }
    }
}

impl Membership {
    fn count(&self) {
        self.0.metrics.partitions.set(self.0.owned.count());
        tracing::info!(partitions = self.0.owned.count(), "partitions were shared out anew");
    }
}

fn numbers(partitions: &TopicPartitionList) -> Vec<i16> {
    partitions.elements().iter().filter_map(|element| i16::try_from(element.partition()).ok()).collect()
}
