//! Reads ahead on a connection of its own while the session sends what was read before.

use event_schemas::topic::Record;
use sqlx::PgConnection;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::lanes::Range;
use super::log::{self, Epochs};

/// One batch is being sent, one lies ready, one is being read.
const READS_MAX: usize = 2;

/// What was asked for, in the order of asking. `round` tells answers of before a rewind from those after it.
pub(super) struct Batch {
    pub round: u64,
    pub records: Vec<Record>,
}

pub(super) struct Reader {
    requests: mpsc::Sender<(u64, Vec<Range>)>,
    batches: mpsc::Receiver<sqlx::Result<Batch>>,
    outstanding: usize,
    task: JoinHandle<()>,
}

impl Reader {
    pub(super) fn start(mut connection: PgConnection, epochs: Epochs) -> Self {
        let (requests, mut asked) = mpsc::channel::<(u64, Vec<Range>)>(READS_MAX);
        let (answer, batches) = mpsc::channel(READS_MAX);
        let task = tokio::spawn(async move {
            while let Some((round, ranges)) = asked.recv().await {
                let read = log::read(&mut connection, &epochs, &ranges).await;
                if answer.send(read.map(|records| Batch { round, records })).await.is_err() {
                    break;
                }
            }
        });
        Self { requests, batches, outstanding: 0, task }
    }

    pub(super) const fn has_room(&self) -> bool {
        self.outstanding < READS_MAX
    }

    /// Only while there is room.
    pub(super) fn ask(&mut self, round: u64, ranges: Vec<Range>) {
        if self.requests.try_send((round, ranges)).is_ok() {
            self.outstanding += 1;
        }
    }

    /// The next answer; pending where nothing was asked for.
    pub(super) async fn next(&mut self) -> sqlx::Result<Batch> {
        if self.outstanding == 0 {
            return std::future::pending().await;
        }
        let answer = self.batches.recv().await.unwrap_or(Err(sqlx::Error::WorkerCrashed));
        self.outstanding -= 1;
        answer
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}
