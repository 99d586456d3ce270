//! What was refused at the door, written into the audit trail under the flood rule: the first of a source as events of
//! their own, the rest as one event a minute.
//!
//! Nobody waits for it. Notes of both APIs go through one bounded queue to one worker; what has no place in the queue or
//! cannot be written is counted under the flood rule again and comes out with a later aggregate. So a refusal may be
//! counted once too often (when the store could not say what became of it) and is never dropped by a process that stops
//! in order. It never delays an answer and never lets a stranger fill the log.

mod worker;

use std::net::{IpAddr, Ipv4Addr};

use domain::access::flood::{Aggregate, Tally, Verdict};
use domain::access::{AccountHash, Command, DenialSource, LogInFailure, LogInSource, NetworkPrefix, Operation};
use domain::vocabulary::{Role, StreamId, TenantId, Timestamp};
use event_schemas::Actor;
use platform::auth::Principal;
use tokio::sync::{mpsc, oneshot};

use self::worker::{Counted, Note, Recorder, Work, run};
use crate::handle::Handler;
use crate::origin::Origin;

/// Notes that wait to be written. More of them are a flood and become one aggregate a source.
const NOTES_MAX: usize = 1_024;

/// Takes notes of refusals. Cheap to clone; the clones count together. query-api is handed one, too.
#[derive(Clone)]
pub struct Denials {
    recorder: Recorder,
    queue: mpsc::Sender<Work>,
}

impl Denials {
    /// Starts the worker, which ends when the last clone is gone.
    #[must_use]
    pub fn new(handler: Handler) -> Self {
        let (queue, notes) = mpsc::channel(NOTES_MAX);
        let recorder = Recorder::new(handler);
        tokio::spawn(run(recorder.clone(), notes));
        Self { recorder, queue }
    }

    /// Somebody known asked for what they may not do. `operation` is a method and a route's pattern.
    pub fn note_denial(&self, principal: &Principal, operation: &str, origin: Origin) {
        let tenant = principal.tenant().map_or(TenantId::DEPLOYMENT, TenantId::new);
        let operation = Operation::parse(operation).unwrap_or_else(|_| Operation::various());
        let actor = match principal {
            Principal::User { user, .. } => Some(StreamId::new(*user)),
            Principal::Scanner { key, .. } => Some(StreamId::new(*key)),
            Principal::Operator => None,
        };
        let now = self.recorder.now();
        let source = DenialSource { tenant, actor, operation: operation.clone(), network: network(origin.ip()) };
        if self.recorder.with_floods(|floods| floods.denials.note(&source, now)) == Verdict::Counted {
            return;
        }
        let role = principal.role().and_then(|role| Role::parse(role.as_str()).ok());
        let counted = Counted::Denials(Aggregate { key: Some(source), tally: Tally::one(now) });
        self.hand_on(Note { tenant, command: Command::RecordDenial { operation, role }, origin, counted });
    }

    /// A log in that failed; `account` is a keyed hash, because what was typed may have been a password.
    pub fn note_failed_log_in(&self, tenant: TenantId, account: AccountHash, reason: LogInFailure, origin: Origin) {
        let now = self.recorder.now();
        let source = LogInSource { tenant, account_hash: account, network: network(origin.ip()) };
        if self.recorder.with_floods(|floods| floods.log_ins.note(&source, now)) == Verdict::Counted {
            return;
        }
        let command = Command::RecordFailedLogIn { account_hash: account, reason };
        let counted = Counted::LogIns(Aggregate { key: Some(source), tally: Tally::one(now) });
        self.hand_on(Note { tenant, command, origin, counted });
    }

    /// Hands on the aggregates whose minute is over. Each process does so for its own.
    pub fn flush_due(&self, now: Timestamp) {
        for note in self.aggregates(|floods| (floods.log_ins.due(now), floods.denials.due(now))) {
            self.hand_on(note);
        }
    }

    /// Writes everything: for a process that stops.
    pub async fn drain(&self) {
        for note in self.aggregates(|floods| (floods.log_ins.drain(), floods.denials.drain())) {
            // An error says that the worker is gone, and with it everything that could still write.
            let _ = self.queue.send(Work::Write(Box::new(note))).await;
        }
        self.settled().await;
    }

    /// Waits until everything noted before has been written, or counted again because it could not be.
    pub async fn settled(&self) {
        let (settled, waiting) = oneshot::channel();
        if self.queue.send(Work::Settle(settled)).await.is_ok() {
            let _ = waiting.await;
        }
    }

    fn aggregates(&self, taken: impl FnOnce(&mut worker::Floods) -> Taken) -> Vec<Note> {
        let (log_ins, denials) = self.recorder.with_floods(taken);
        let log_ins = log_ins.into_iter().map(Counted::LogIns);
        log_ins.chain(denials.into_iter().map(Counted::Denials)).map(note_of).collect()
    }

    fn hand_on(&self, note: Note) {
        if let Err(error) = self.queue.try_send(Work::Write(Box::new(note)))
            && let Work::Write(note) = error.into_inner()
        {
            self.recorder.put_back(note.counted);
        }
    }
}

type Taken = (Vec<Aggregate<LogInSource>>, Vec<Aggregate<DenialSource>>);

fn note_of(counted: Counted) -> Note {
    let (tenant, command) = match counted.clone() {
        Counted::LogIns(aggregate) => aggregate.into_command(),
        Counted::Denials(aggregate) => aggregate.into_command(),
    };
    Note { tenant, command, origin: Origin::of_process(Actor::Anonymous), counted }
}

fn network(ip: Option<IpAddr>) -> NetworkPrefix {
    NetworkPrefix::of(ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
}
