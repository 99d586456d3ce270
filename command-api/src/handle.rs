//! A command from its stream to the log: load, decide, append at the expected version, and again when somebody was
//! faster. Creations load nothing. It holds no rule of the domain and knows nothing of HTTP.
//!
//! How the appender is used: a [`Draft`] gathers what the decisions of one command write (streams with their events and
//! snapshots, keys taken and released, tallies moved), and one `append` makes all of it durable or none.

mod draft;

use domain::decider::Decider;
use domain::vocabulary::{StreamId, TenantId, Timestamp};
use event_schemas::codec::NoKeys;
use event_schemas::{Recorded, codec::SubjectKeys};
use platform::keyring::Keyring;
use platform::position::Position;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::appender::{Append, AppendError, Appended, Appender, Condition};
use crate::error::Error;
use crate::event_store::{EventStore, LoadError, Loaded};
use crate::idempotency::{Idempotency, Kept, read};
use crate::origin::Origin;

pub use draft::Draft;

/// Each try loses only to another command that was committed, so whoever loses this often meets a storm.
pub const TRIES_MAX: usize = 24;

/// An aggregate as this side of the system needs it: decided, written, kept as a snapshot.
pub trait Aggregate: Decider<Event: Recorded, Command: Clone> + Serialize + DeserializeOwned + Send + Sync {}
impl<D: Decider<Event: Recorded, Command: Clone> + Serialize + DeserializeOwned + Send + Sync> Aggregate for D {}

/// What every command needs. Cheap to clone.
#[derive(Clone)]
pub struct Handler {
    pub store: EventStore,
    pub appender: Appender,
    pub keys: Keyring,
}

/// One command for one stream.
pub struct Order<'o, D: Decider> {
    pub tenant: TenantId,
    pub stream: StreamId,
    pub command: D::Command,
    pub start: Start,
    /// From `If-Match`: any other version is refused.
    pub version: Option<i64>,
    pub key: Option<Idempotency>,
    /// What a first answer says beside id and version.
    pub extra: Option<serde_json::Value>,
    pub origin: &'o Origin,
}

/// What the first decision is made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The stream ought to be new: nothing is loaded, and version 0 expected. One with a natural key may be known after
    /// all; then the command is decided again on what is there.
    New,
    /// The stream must exist.
    Known,
    /// Whatever is there is loaded: the first decision about the stream begins it.
    Any,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    pub id: Uuid,
    pub version: i64,
    pub position: Position,
    pub outcome: Outcome,
    pub extra: Option<serde_json::Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Changed,
    Unchanged,
    /// The first answer again.
    Replayed {
        created: bool,
        changed: bool,
    },
}

impl Done {
    /// Whether anything followed from it, now or when it was first asked for.
    pub fn changed(&self) -> bool {
        !matches!(self.outcome, Outcome::Unchanged | Outcome::Replayed { changed: false, .. })
    }

    pub fn created(&self) -> bool {
        matches!(self.outcome, Outcome::Created | Outcome::Replayed { created: true, .. })
    }
}

impl Handler {
    /// Carries out one command, keyed or not.
    pub async fn execute<D: Aggregate>(&self, order: Order<'_, D>) -> Result<Done, Error> {
        let key = order.key.clone();
        // Boxed, since a request's future holds it many levels deep: moving it around would cost more than the box.
        self.once(key.as_ref(), Box::pin(self.attempt(order))).await
    }

    /// Does keyed work unless it was done before, and then gives the first answer.
    pub async fn once(
        &self,
        key: Option<&Idempotency>,
        work: impl Future<Output = Result<Done, Error>>,
    ) -> Result<Done, Error> {
        if let Some(done) = self.replay(key).await? {
            return Ok(done);
        }
        let result = work.await;
        let doubtful = match &result {
            Ok(done) => done.outcome == Outcome::Unchanged,
            Err(error) => error.depends_on_state(),
        };
        match doubtful {
            // Another request with this key may have been committed since; then that answer is the right one.
            true => Ok(self.replay(key).await?.map_or(result, Ok)?),
            false => result,
        }
    }

    /// The first answer of a keyed command that was answered before.
    pub async fn replay(&self, key: Option<&Idempotency>) -> Result<Option<Done>, Error> {
        let Some(key) = key else { return Ok(None) };
        Ok(key.ask(&self.store).await?.map(|(kept, position)| replayed(kept, position)))
    }

    pub async fn load<D: Aggregate>(&self, tenant: TenantId, stream: StreamId) -> Result<Loaded<D>, Error> {
        Ok(self.store.load(tenant, stream).await?)
    }

    /// Makes a draft durable. `None`: there was nothing in it, and no answer to keep.
    pub async fn append(
        &self,
        tenant: TenantId,
        mut draft: Draft,
        origin: &Origin,
        conditions: Vec<Condition>,
        key: Option<(&Idempotency, &Kept)>,
    ) -> Result<Option<Appended>, AppendFault> {
        if draft.is_empty() && key.is_none() {
            return Ok(None);
        }
        draft.mark(&origin.seal(&self.keys, tenant, self.now()).await?)?;
        let (streams, take, release, tallies) = draft.into_parts();
        let append = Append {
            tenant,
            actor: origin.actor,
            correlation: origin.correlation,
            causation: origin.causation,
            streams,
            conditions,
            take,
            release,
            tallies,
            key: key.map(|(key, kept)| key.keep(kept)),
        };
        self.appender.append(append).await.map(Some).map_err(AppendFault::Store)
    }

    pub fn now(&self) -> Timestamp {
        self.appender.clock().now()
    }

    async fn attempt<D: Aggregate>(&self, order: Order<'_, D>) -> Result<Done, Error> {
        let mut start = order.start;
        for _ in 0..TRIES_MAX {
            let before = match start {
                Start::New => Loaded { version: 0, state: D::initial() },
                Start::Known | Start::Any => self.load::<D>(order.tenant, order.stream).await?,
            };
            check_version(&order, start, before.version)?;
            match self.try_once(&order, &before).await {
                Err(AppendFault::Store(AppendError::Conflict { stream, .. })) if stream == order.stream => {
                    start = if start == Start::New { Start::Known } else { start };
                }
                Err(AppendFault::Store(error)) => return Err(error.into()),
                Err(AppendFault::Other(error)) => return Err(error),
                Ok(done) => return Ok(done),
            }
        }
        Err(Error::Contended(TRIES_MAX))
    }

    async fn try_once<D: Aggregate>(&self, order: &Order<'_, D>, before: &Loaded<D>) -> Result<Done, AppendFault> {
        let events =
            before.state.decide(order.command.clone(), self.now()).map_err(|refusal| Error::refused(&refusal))?;
        let mut draft = Draft::new(order.tenant);
        let version = draft.add(order.stream, before, &events, &NoKeys as &dyn SubjectKeys)?;
        self.settle(order, (before.version, version), draft, Vec::new()).await
    }

    /// Appends what an order came to, from one version of its stream to another, and answers for it.
    pub async fn settle<D: Aggregate>(
        &self,
        order: &Order<'_, D>,
        (from, version): (i64, i64),
        draft: Draft,
        conditions: Vec<Condition>,
    ) -> Result<Done, AppendFault> {
        let id = order.stream.uuid();
        let created = from == 0;
        let extra = order.extra.clone();
        let kept = Kept { id, version, created, unchanged: version == from, extra: extra.clone() };
        let key = order.key.as_ref().map(|key| (key, &kept));
        match self.append(order.tenant, draft, order.origin, conditions, key).await? {
            Some(Appended::New { position, .. }) => {
                let outcome = match (version == from, created) {
                    (true, _) => Outcome::Unchanged,
                    (false, true) => Outcome::Created,
                    (false, false) => Outcome::Changed,
                };
                Ok(Done { id, version, position, outcome, extra })
            }
            Some(Appended::Known { position, answer }) => Ok(replayed(read(&answer)?, position)),
            None => {
                let position = self.store.head(order.tenant).await.map_err(Error::from)?;
                Ok(Done { id, version, position, outcome: Outcome::Unchanged, extra })
            }
        }
    }
}

/// Why a draft was not appended: the store's answer may call for another try, all else may not.
#[derive(Debug)]
pub enum AppendFault {
    Store(AppendError),
    Other(Error),
}

impl From<Error> for AppendFault {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<AppendFault> for Error {
    fn from(fault: AppendFault) -> Self {
        match fault {
            AppendFault::Store(error) => error.into(),
            AppendFault::Other(error) => error,
        }
    }
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Store(error) => Self::Store(error),
            LoadError::Decode(..) | LoadError::History(..) | LoadError::Purged(_) => Self::Damaged(Box::new(error)),
        }
    }
}

/// Whether the stream is there, and at the version the caller saw.
pub fn check_version<D: Decider>(order: &Order<'_, D>, start: Start, actual: i64) -> Result<(), Error> {
    if start == Start::Known && actual == 0 {
        return Err(Error::NotFound);
    }
    match order.version {
        Some(expected) if start != Start::New && expected != actual => Err(Error::PreconditionFailed { actual }),
        _ => Ok(()),
    }
}

pub fn replayed(kept: Kept, position: Position) -> Done {
    let outcome = Outcome::Replayed { created: kept.created, changed: !kept.unchanged };
    Done { id: kept.id, version: kept.version, position, outcome, extra: kept.extra }
}
