//! One appender's loop: drain the queue, take a batch, call, answer. Never holds more than its backlog, and never
//! answers a command whose outcome it does not know.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::vocabulary::Timestamp;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout};

use super::call::{Failure, Line, Verdict, Verdicts};
use super::outcome::{self, FoundOut};
use super::{AppendError, Appended, StoreClock, WAIT_MAX, Waiting, batch};
use crate::metrics::AppendMetrics;

/// Commands taken off the queue ahead of their batch. The rest waits in the bounded queue.
const BACKLOG_COMMANDS_MAX: usize = 2 * batch::BATCH_COMMANDS_MAX;
/// How long a partition whose lock was not to be had is left alone before it is asked again.
const BLOCKED_FOR: Duration = Duration::from_millis(100);

pub(super) struct Worker {
    queue: mpsc::Receiver<Waiting>,
    options: PgConnectOptions,
    clock: StoreClock,
    committed: Arc<Notify>,
    metrics: AppendMetrics,
    line: Option<Line>,
    backlog: VecDeque<Waiting>,
    /// Commands that must be sent without company, before all others.
    alone: VecDeque<Waiting>,
    /// Partitions that somebody else holds, and when each may be asked again.
    blocked: BTreeMap<i16, Instant>,
    /// No stamp before this: time never runs backwards within a partition.
    floor: Timestamp,
}

impl Worker {
    pub(super) fn new(
        queue: mpsc::Receiver<Waiting>,
        options: PgConnectOptions,
        clock: StoreClock,
        committed: Arc<Notify>,
        metrics: AppendMetrics,
    ) -> Self {
        Self {
            queue,
            options,
            clock,
            committed,
            metrics,
            line: None,
            backlog: VecDeque::new(),
            alone: VecDeque::new(),
            blocked: BTreeMap::new(),
            floor: Timestamp::from_micros(0),
        }
    }

    /// Until the last sender is gone and every command is answered.
    pub(super) async fn run(mut self) {
        while self.wait_for_work().await {
            self.give_up_on_the_late();
            self.ask_blocked_partitions().await;
            let batch = match self.alone.pop_front() {
                Some(waiting) => vec![waiting],
                None => batch::take(&mut self.backlog, |partition| self.blocked.contains_key(&partition)),
            };
            if !batch.is_empty() {
                self.commit(batch).await;
            }
        }
        if let Some(line) = self.line.take() {
            line.close().await;
        }
    }

    /// Fills the backlog with what is queued; waits when there is nothing that could be sent. False at the end.
    async fn wait_for_work(&mut self) -> bool {
        let mut open = true;
        let idle = self.alone.is_empty()
            && self.backlog.iter().all(|w| w.locks().any(|lock| self.blocked.contains_key(&lock)));
        if idle {
            let next = match self.blocked.values().min().filter(|_| !self.backlog.is_empty()) {
                Some(at) => timeout(at.saturating_duration_since(Instant::now()), self.queue.recv()).await,
                None => Ok(self.queue.recv().await),
            };
            match next {
                Ok(Some(waiting)) => self.backlog.push_back(waiting),
                Ok(None) => open = false,
                Err(_) => {}
            }
            if !open && !self.backlog.is_empty() {
                tokio::time::sleep(BLOCKED_FOR).await;
            }
        }
        while self.backlog.len() < BACKLOG_COMMANDS_MAX {
            match self.queue.try_recv() {
                Ok(waiting) => self.backlog.push_back(waiting),
                Err(_) => break,
            }
        }
        self.metrics.queue_depth.set((self.backlog.len() + self.queue.len()) as f64);
        open || !self.backlog.is_empty() || !self.alone.is_empty()
    }

    fn give_up_on_the_late(&mut self) {
        let now = Instant::now();
        let late = |waiting: &Waiting| now.duration_since(waiting.since) > WAIT_MAX || waiting.answer.is_closed();
        if !self.backlog.iter().any(late) {
            return;
        }
        let (late, rest): (VecDeque<_>, VecDeque<_>) = self.backlog.drain(..).partition(late);
        self.backlog = rest;
        for waiting in late {
            self.metrics.overloaded.inc();
            waiting.answer(Err(AppendError::Overloaded));
        }
    }

    async fn ask_blocked_partitions(&mut self) {
        let now = Instant::now();
        let due: Vec<i16> =
            self.blocked.iter().filter(|(_, at)| **at <= now).map(|(partition, _)| *partition).collect();
        for partition in due {
            let asked = match &mut self.line {
                Some(line) => line.is_free(partition).await,
                None => Ok(true), // The next call connects, and finds out by itself.
            };
            if asked.is_err() {
                self.line = None; // Nothing was under way on it.
            }
            if asked.unwrap_or(true) {
                self.blocked.remove(&partition);
            } else {
                self.blocked.insert(partition, Instant::now() + BLOCKED_FOR);
            }
        }
    }

    /// Sends the batch; where its data or a lock is at fault, sends its parts until the guilty command is alone.
    async fn commit(&mut self, batch: Vec<Waiting>) {
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            match self.call(&part).await {
                Ok(Some(verdicts)) => self.settle(part, verdicts),
                Ok(None) => answer_all(part, &AppendError::Unavailable),
                Err(Failure::Data { sqlstate }) if part.len() == 1 => {
                    tracing::error!(sqlstate, "the event store cannot hold a command's data");
                    answer_all(part, &AppendError::Rejected { sqlstate });
                }
                Err(Failure::Data { .. }) => {
                    let second = part.split_off(part.len() / 2);
                    parts.push(second);
                    parts.push(part);
                }
                Err(Failure::Busy) => self.set_aside_or_split(part, &mut parts),
                Err(Failure::Undone) => self.put_back(part),
                Err(Failure::Refused { sqlstate }) => {
                    tracing::error!(sqlstate, commands = part.len(), "the event store refused a batch");
                    answer_all(part, &AppendError::Unavailable);
                }
                Err(Failure::Lost) => self.find_out(part).await,
            }
        }
    }

    /// `None` when Postgres could not be reached at all: nothing was sent.
    async fn call(&mut self, batch: &[Waiting]) -> Result<Option<Verdicts>, Failure> {
        let Some(line) = connected(&mut self.line, &self.options, &self.clock).await else {
            return Ok(None);
        };
        let stamp = self.clock.now().max(self.floor);
        let started = Instant::now();
        let result = line.append(batch, stamp).await;
        self.metrics.call_seconds.observe(started.elapsed().as_secs_f64());
        self.metrics.batch_commands.observe(batch.len() as f64);
        result.map(Some)
    }

    fn settle(&mut self, batch: Vec<Waiting>, Verdicts { verdicts, clock }: Verdicts) {
        if let Some(now) = clock {
            self.clock.learn(now);
        }
        let mut committed = false;
        for (waiting, verdict) in batch.into_iter().zip(verdicts).rev() {
            match verdict {
                Verdict::Answered(result) => {
                    if let Ok(Appended::New { recorded_at, .. }) = &result {
                        committed = true;
                        self.floor = self.floor.max(*recorded_at);
                    }
                    self.metrics.command_seconds.observe(waiting.since.elapsed().as_secs_f64());
                    waiting.answer(result);
                }
                Verdict::Behind(head) => {
                    self.floor = self.floor.max(head);
                    self.backlog.push_front(waiting);
                }
                Verdict::Again => {
                    // The floor came from a clock that was set back since; the store checks it against the head anyway.
                    self.floor = Timestamp::from_micros(0);
                    self.backlog.push_front(waiting);
                }
                Verdict::Alone => self.alone.push_front(waiting),
            }
        }
        if committed {
            self.committed.notify_waiters();
        }
    }

    /// A stalled writer holds up its own partition only: the others' commands go on without it.
    fn set_aside_or_split(&mut self, part: Vec<Waiting>, parts: &mut Vec<Vec<Waiting>>) {
        let mut by_partition: BTreeMap<i16, Vec<Waiting>> = BTreeMap::new();
        for waiting in part {
            by_partition.entry(waiting.partition).or_default().push(waiting);
        }
        if by_partition.len() > 1 {
            parts.extend(by_partition.into_values());
            return;
        }
        for group in by_partition.into_values() {
            let locks: BTreeSet<i16> = group.iter().flat_map(Waiting::locks).collect();
            tracing::warn!(partitions = ?locks, "a partition's lock was not to be had; its commands wait");
            self.blocked.extend(locks.into_iter().map(|lock| (lock, Instant::now() + BLOCKED_FOR)));
            self.put_back(group);
        }
    }

    fn put_back(&mut self, part: Vec<Waiting>) {
        for waiting in part.into_iter().rev() {
            self.backlog.push_front(waiting);
        }
    }

    async fn find_out(&mut self, batch: Vec<Waiting>) {
        let Some(lost) = self.line.take() else {
            return answer_all(batch, &AppendError::Unavailable);
        };
        let backend = lost.backend;
        drop(lost);
        tracing::warn!(commands = batch.len(), "the connection to the event store died during a batch");
        let Some(FoundOut { line, committed }) = outcome::find_out(&self.options, backend, &batch).await else {
            self.metrics.unknown_outcomes.inc_by(batch.len() as u64);
            return answer_all(batch, &AppendError::OutcomeUnknown);
        };
        for (place, waiting) in batch.into_iter().enumerate().rev() {
            match committed.get(&place) {
                Some(found) => {
                    let events: usize = waiting.append.streams.iter().map(|stream| stream.events.len()).sum();
                    let last = found.first_seq + i64::try_from(events).unwrap_or(1) - 1;
                    let position = line.position(waiting.partition, last);
                    waiting.answer(Ok(Appended::New { position, recorded_at: found.recorded_at }));
                }
                // Certainly not committed: its turn comes again.
                None => self.backlog.push_front(waiting),
            }
        }
        self.line = Some(line);
        self.committed.notify_waiters();
    }
}

async fn connected<'a>(
    line: &'a mut Option<Line>,
    options: &PgConnectOptions,
    clock: &StoreClock,
) -> Option<&'a mut Line> {
    if line.is_none() {
        let connecting = async {
            let mut fresh = Line::connect(options).await?;
            clock.learn(fresh.clock().await?);
            Ok::<_, sqlx::Error>(fresh)
        };
        match connecting.await {
            Ok(fresh) => *line = Some(fresh),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the event store cannot be reached"),
        }
    }
    line.as_mut()
}

fn answer_all(batch: Vec<Waiting>, error: &AppendError) {
    for waiting in batch {
        waiting.answer(Err(error.clone()));
    }
}
