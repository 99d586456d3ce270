//! The worker that writes what was noted: a bounded number at once, each in a stream of its own, so that one partition
//! that is stuck does not hold up the others. It never gives a note up: what cannot be written is counted again.

use std::sync::{Arc, Mutex, PoisonError};

use domain::access::flood::{Aggregate, Flood, LogInFlood};
use domain::access::{Access, Command, DenialSource, LogInSource};
use domain::vocabulary::{StreamId, TenantId, Timestamp};
use platform::problem::chain;
use tokio::sync::{Semaphore, mpsc, oneshot};
use uuid::Uuid;

use crate::error::Error;
use crate::handle::{Handler, Order, Start};
use crate::origin::Origin;

/// Enough for the appender to batch, few enough to leave room for commands.
const NOTES_IN_FLIGHT: u32 = 32;

/// One refusal, or an aggregate of them.
pub(super) struct Note {
    pub tenant: TenantId,
    pub command: Command,
    pub origin: Origin,
    /// What it counts as if it cannot be written.
    pub counted: Counted,
}

#[derive(Clone)]
pub(super) enum Counted {
    LogIns(Aggregate<LogInSource>),
    Denials(Aggregate<DenialSource>),
}

pub(super) enum Work {
    Write(Box<Note>),
    /// To be answered when everything before it is done.
    Settle(oneshot::Sender<()>),
}

#[derive(Default)]
pub(super) struct Floods {
    pub log_ins: LogInFlood,
    pub denials: Flood<DenialSource>,
}

/// Where notes are written, and where they are counted.
#[derive(Clone)]
pub(super) struct Recorder {
    handler: Handler,
    floods: Arc<Mutex<Floods>>,
}

pub(super) async fn run(recorder: Recorder, mut queue: mpsc::Receiver<Work>) {
    let room = Arc::new(Semaphore::new(NOTES_IN_FLIGHT as usize));
    while let Some(work) = queue.recv().await {
        match work {
            Work::Write(note) => {
                let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
                let recorder = recorder.clone();
                tokio::spawn(async move {
                    recorder.write(*note).await;
                    drop(place);
                });
            }
            Work::Settle(settled) => {
                drop(room.acquire_many(NOTES_IN_FLIGHT).await);
                // Whoever asked may have stopped waiting.
                let _ = settled.send(());
            }
        }
    }
}

impl Recorder {
    pub(super) fn new(handler: Handler) -> Self {
        Self { handler, floods: Arc::default() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.handler.now()
    }

    pub(super) fn with_floods<T>(&self, work: impl FnOnce(&mut Floods) -> T) -> T {
        work(&mut self.floods.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts again what could not be written.
    pub(super) fn put_back(&self, counted: Counted) {
        let now = self.now();
        self.with_floods(|floods| match counted {
            Counted::LogIns(aggregate) => floods.log_ins.put_back(aggregate, now),
            Counted::Denials(aggregate) => floods.denials.put_back(aggregate, now),
        });
    }

    /// The refusal stands whether or not it could be written down, so a fault here is logged and the note counted.
    async fn write(&self, note: Note) {
        let order: Order<'_, Access> = Order {
            tenant: note.tenant,
            stream: StreamId::new(Uuid::now_v7()),
            command: note.command,
            start: Start::New,
            version: None,
            key: None,
            extra: None,
            origin: &note.origin,
        };
        if let Err(error) = self.handler.execute(order).await {
            log_delayed(&error);
            self.put_back(note.counted);
        }
    }
}

fn log_delayed(error: &Error) {
    tracing::error!(error = %chain(error), "a refusal could not be written into the audit trail; it is counted and tried again");
}
