//! Heads → ranges → reads → messages → acknowledgements → checkpoints.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use event_schemas::topic::Record;
use rdkafka::error::RDKafkaErrorCode;
use tokio::time::Instant;

use super::super::publisher::{Heard, Publisher};
use super::super::{SessionError, leases, log};
use super::Session;

/// Events in one read: the read ahead of the sending hides what a read costs.
pub(super) const READ_EVENTS_MAX: usize = 2_000;
const READ_EVENTS_MIN: usize = 32;
/// What one read may weigh, judged by the one before.
const READ_BYTES: usize = 2 * 1024 * 1024;
/// What an event weighs beside header, body and meta.
const EVENT_OVERHEAD_BYTES: usize = 512;
/// What may be read or sent and not acknowledged, in such reads; the producer's queue holds more.
const WINDOW_READS: usize = 10;
/// Sent before others on this thread get their turn.
const SEND_RUN: usize = 256;

const LOOK_AGAIN: Duration = Duration::from_millis(2);
const LOOK_BUSY: Duration = Duration::from_millis(5);
const LOOK_IDLE: Duration = Duration::from_millis(50);
const BUSY_FOR: Duration = Duration::from_secs(2);
const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);
const LAG_EVERY: Duration = Duration::from_secs(1);
/// Between a producer that failed and its successor.
const PRODUCER_PAUSE_MIN: Duration = Duration::from_millis(100);
const PRODUCER_PAUSE_MAX: Duration = Duration::from_secs(5);

impl Session<'_> {
    /// The appender of this process said that there is more.
    pub(super) fn look_soon(&mut self) {
        self.due.heads = self.due.heads.min(self.due.heads_at + LOOK_AGAIN);
    }

    /// Also where it is found out that this is another Postgres, or another epoch, than the session began with.
    pub(super) async fn look_at_heads(&mut self) -> Result<(), SessionError> {
        let now = Instant::now();
        if now < self.due.heads {
            return Ok(());
        }
        let heads = log::heads(&mut self.control).await?;
        if heads.started_at != self.started_at {
            return Err(SessionError::Changed("Postgres was restarted"));
        }
        if heads.epoch != self.epochs.newest() {
            return Err(SessionError::Changed("a new epoch has begun"));
        }
        let before = self.lanes.behind();
        if let Some((partition, seq)) = self.lanes.observe(&heads.seqs) {
            let epoch = self.epochs.at(partition, seq);
            return Err(SessionError::Ahead { partition, epoch, seq, what: "a checkpoint beyond the head" });
        }
        let behind = self.lanes.behind();
        self.relay.metrics.lag_events.set(behind);
        if behind > before {
            self.due.busy_until = now + BUSY_FOR;
        }
        let unread = self.lanes.has_unread();
        self.due.heads = now + if now < self.due.busy_until && !unread { LOOK_BUSY } else { LOOK_IDLE };
        self.due.heads_at = now;
        Ok(())
    }

    /// Keeps the reader busy while there is room for what it brings.
    pub(super) fn ask_for_more(&mut self) {
        let now = Instant::now();
        while self.reader.has_room() && self.pending.len() < READ_EVENTS_MAX {
            let window = WINDOW_READS * self.read_events;
            if window.saturating_sub(self.lanes.under_way()) < self.read_events / 2 {
                return; // small reads would cost as much as large ones
            }
            let ranges = self.lanes.next(self.read_events, window, now);
            if ranges.is_empty() {
                return;
            }
            self.reader.ask(self.round, ranges);
        }
    }

    pub(super) fn learn_size(&mut self, records: &[Record]) {
        let bytes: usize = records.iter().map(size_of).sum();
        if let Some(average) = bytes.checked_div(records.len()) {
            self.read_events = (READ_BYTES / average.max(1)).clamp(READ_EVENTS_MIN, READ_EVENTS_MAX);
        }
    }

    pub(super) fn make_publisher(&mut self) -> Result<(), SessionError> {
        if self.publisher.is_none() && Instant::now() >= self.due.publisher {
            self.publisher = Some(Publisher::start(&self.relay.kafka, Arc::clone(&self.changed))?);
            self.relay.metrics.producers.inc();
        }
        Ok(())
    }

    /// Until all is sent or the producer is full; a delivery wakes us then.
    pub(super) async fn send_pending(&mut self) {
        let Some(publisher) = &self.publisher else { return };
        let mut run = 0;
        while let Some(record) = self.pending.pop_front() {
            if Instant::now() >= self.due.lease_end {
                self.pending.push_front(record);
                return; // the next turn learns what is still ours
            }
            if !self.lanes.send(record.partition, record.seq) {
                continue; // of a partition that is no longer held
            }
            if publisher.send(&record).is_err() {
                self.lanes.unsend(record.partition, record.seq);
                self.pending.push_front(record);
                return;
            }
            run += 1;
            if run % SEND_RUN == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Takes in what became of messages; a producer that refused one is replaced.
    pub(super) async fn hear(&mut self) {
        let Some(publisher) = &self.publisher else { return };
        let heard = publisher.heard();
        let broken = heard.broken;
        self.note(heard);
        if broken {
            self.start_over().await;
            let pause = (2 * self.due.publisher_pause).clamp(PRODUCER_PAUSE_MIN, PRODUCER_PAUSE_MAX);
            self.due.publisher_pause = pause;
            self.due.publisher = Instant::now() + pause;
        }
    }

    fn note(&mut self, heard: Heard) {
        let now = Instant::now();
        if !heard.acked.is_empty() {
            self.due.publisher_pause = Duration::ZERO;
        }
        self.relay.metrics.published.inc_by(heard.acked.len() as u64);
        for (partition, seq) in heard.acked {
            self.lanes.acknowledge(partition, seq);
        }
        self.relay.metrics.failures.inc_by(heard.refused.len() as u64);
        let by_partition: BTreeMap<i16, RDKafkaErrorCode> = heard.refused.into_iter().collect();
        for (partition, code) in by_partition {
            tracing::error!(partition, %code, "Kafka refused messages; they are sent again, and what follows waits for them");
            self.lanes.refuse(partition, now);
        }
    }

    /// Gives up the producer with all that it holds. The next one begins behind what was acknowledged.
    pub(super) async fn start_over(&mut self) {
        self.purge().await;
        self.lanes.rewind();
        self.pending.clear();
        self.round += 1;
    }

    pub(super) async fn purge(&mut self) {
        if let Some(publisher) = self.publisher.take() {
            let heard = publisher.purge().await;
            self.note(heard);
        }
    }

    pub(super) async fn move_checkpoints(&mut self) -> Result<(), SessionError> {
        let now = Instant::now();
        if now < self.due.checkpoint {
            return Ok(());
        }
        let points = self.lanes.points(&self.epochs);
        if points.is_empty() {
            return Ok(());
        }
        self.due.checkpoint = now + CHECKPOINT_EVERY;
        let moved = leases::checkpoint(&mut self.control, self.holder, &points).await?;
        let mut lost = vec![];
        for (held, point) in points {
            if moved.contains(&held.partition) {
                self.lanes.checkpointed(held.partition, point.seq);
            } else {
                lost.push(held.partition);
            }
        }
        self.lose(lost).await;
        Ok(())
    }

    pub(super) async fn measure_lag(&mut self) -> Result<(), SessionError> {
        let now = Instant::now();
        if now >= self.due.lag {
            self.due.lag = now + LAG_EVERY;
            let oldest = self.lanes.oldest();
            let seconds =
                if oldest.is_empty() { 0.0 } else { log::oldest_age_seconds(&mut self.control, &oldest).await? };
            self.relay.metrics.lag_seconds.set(seconds);
        }
        Ok(())
    }
}

fn size_of(record: &Record) -> usize {
    let parts = [record.body.as_deref(), record.meta.as_deref()];
    EVENT_OVERHEAD_BYTES + record.header.len() + parts.into_iter().flatten().map(<[u8]>::len).sum::<usize>()
}
