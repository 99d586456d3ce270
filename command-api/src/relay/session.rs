//! One connected life of the relay: from fresh connections to the first fault of Postgres, or the end.
//!
//! Whatever is remembered here holds only as long as these very connections live: a Postgres that was restarted may have
//! been restored, so a fault of the store ends the session and the next one begins from the checkpoints. A fault of
//! Kafka does not: the producer is made anew, and goes on behind what was acknowledged.

mod flow;
mod leasing;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_schemas::topic::Record;
use rdkafka::error::KafkaError;
use sqlx::PgConnection;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::lanes::Lanes;
use super::latest::Latest;
use super::log::{self, Epochs};
use super::publisher::Publisher;
use super::reader::{Batch, Reader};
use super::{Relay, SessionError, leases};

/// What is in flight at the end has so long to be acknowledged.
const DRAIN_MAX: Duration = Duration::from_secs(3);
/// For the last words to a Postgres that may be away.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

type Ends = Result<BTreeMap<i16, Option<Latest>>, KafkaError>;

struct Session<'a> {
    relay: &'a Relay,
    holder: Uuid,
    control: PgConnection,
    reader: Reader,
    epochs: Epochs,
    started_at: DateTime<Utc>,
    lanes: Lanes,
    publisher: Option<Publisher>,
    changed: Arc<Notify>,
    /// Read, and not taken by the producer yet.
    pending: VecDeque<Record>,
    /// Moves when what was read is to be read again.
    round: u64,
    /// Events in one read, by the size of those read last.
    read_events: usize,
    /// The ends of newly taken partitions in Kafka are being looked up.
    check: Option<JoinHandle<Ends>>,
    /// How many checks there were.
    checks: usize,
    due: Due,
}

/// When each thing is to be done next.
struct Due {
    leases: Instant,
    /// Without a renewal, what was held is no longer ours from here on.
    lease_end: Instant,
    checkpoint: Instant,
    heads: Instant,
    heads_at: Instant,
    busy_until: Instant,
    lag: Instant,
    check: Instant,
    /// After a failed producer.
    publisher: Instant,
    publisher_pause: Duration,
}

pub(super) async fn run(
    relay: &Relay,
    holder: Uuid,
    stop: &CancellationToken,
    wake: &Notify,
) -> Result<(), SessionError> {
    let mut session = Session::open(relay, holder).await?;
    let ended = session.publish(stop, wake).await;
    match ended {
        Ok(()) => session.hand_over().await,
        Err(error) => {
            session.abandon().await;
            Err(error)
        }
    }
}

impl<'a> Session<'a> {
    async fn open(relay: &'a Relay, holder: Uuid) -> Result<Self, SessionError> {
        let mut control = relay.pool.acquire().await?.detach();
        let reading = relay.pool.acquire().await?.detach();
        let epochs = Epochs::read(&mut control).await?;
        let heads = log::heads(&mut control).await?;
        leases::release_all(&mut control, holder).await?; // of an earlier session, of which nothing is under way
        let now = Instant::now();
        Ok(Self {
            relay,
            holder,
            control,
            reader: Reader::start(reading, epochs.clone()),
            epochs,
            started_at: heads.started_at,
            lanes: Lanes::default(),
            publisher: None,
            changed: Arc::default(),
            pending: VecDeque::new(),
            round: 0,
            read_events: flow::READ_EVENTS_MAX,
            check: None,
            checks: 0,
            due: Due::at(now),
        })
    }

    async fn publish(&mut self, stop: &CancellationToken, wake: &Notify) -> Result<(), SessionError> {
        loop {
            let woken = wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable(); // before the heads are looked at, so that nothing is missed in between
            self.turn().await?;
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                batch = self.reader.next() => self.take_batch(batch?),
                ends = ended(&mut self.check) => self.compare(ends).await?,
                () = self.changed.notified() => {}
                () = woken => self.look_soon(),
                () = sleep_until(self.due.next(&self.lanes)) => {}
            }
        }
    }

    /// Everything that is due now.
    async fn turn(&mut self) -> Result<(), SessionError> {
        self.keep_leases().await?;
        self.hear().await;
        self.look_at_heads().await?;
        self.move_checkpoints().await?;
        self.give_up_drained().await?;
        self.check_new();
        self.make_publisher()?;
        self.ask_for_more();
        self.send_pending().await;
        self.measure_lag().await?;
        Ok(())
    }

    fn take_batch(&mut self, batch: Batch) {
        if batch.round != self.round {
            return; // read before a rewind
        }
        self.learn_size(&batch.records);
        self.pending.extend(batch.records);
    }

    /// The end that was asked for: nothing new, what was sent is waited for, then others may begin.
    async fn hand_over(mut self) -> Result<(), SessionError> {
        self.pending.clear();
        self.lanes.forget_unsent();
        let deadline = Instant::now() + DRAIN_MAX;
        while self.lanes.under_way() > 0 && Instant::now() < deadline {
            timeout(deadline.saturating_duration_since(Instant::now()), self.changed.notified()).await.ok();
            self.hear().await;
        }
        self.purge().await;
        self.due.checkpoint = Instant::now();
        self.move_checkpoints().await?;
        leases::release_all(&mut self.control, self.holder).await?;
        leases::leave(&mut self.control, self.holder).await?;
        Ok(())
    }

    /// Nothing more is sent; what was acknowledged until now is kept if it can be.
    async fn abandon(&mut self) {
        self.purge().await;
        let farewell = async {
            self.due.checkpoint = Instant::now();
            self.move_checkpoints().await?;
            leases::release_all(&mut self.control, self.holder).await?;
            Ok::<(), SessionError>(())
        };
        timeout(FAREWELL_MAX, farewell).await.ok();
    }
}

impl Due {
    fn at(now: Instant) -> Self {
        Self {
            leases: now,
            lease_end: now,
            checkpoint: now,
            heads: now,
            heads_at: now,
            busy_until: now,
            lag: now,
            check: now,
            publisher: now,
            publisher_pause: Duration::ZERO,
        }
    }

    fn next(&self, lanes: &Lanes) -> Instant {
        let timers = [self.leases, self.heads, self.lag];
        let retry = lanes.next_retry(Instant::now());
        timers.into_iter().chain(retry).min().unwrap_or(self.leases)
    }
}

/// The answer of the check that runs; pending where none does.
async fn ended(check: &mut Option<JoinHandle<Ends>>) -> Ends {
    let Some(running) = check else {
        return std::future::pending().await;
    };
    let ends = running.await;
    *check = None;
    ends.unwrap_or(Err(KafkaError::Canceled))
}
