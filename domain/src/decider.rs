//! The shape every aggregate has: rules in `decide`, facts in `evolve`, and what the store may know about a stream.
//!
//! It never performs anything: a decider is a value, and a decision is a list of events.

use std::{error::Error, fmt::Debug};

use crate::vocabulary::{StreamId, StreamKind, Timestamp};

/// One aggregate: its state, and the two functions that make it live.
pub trait Decider: Sized + Clone + PartialEq + Debug {
    type Command;
    type Event;
    type Refusal: Reason;

    const KIND: StreamKind;

    /// Raised whenever `evolve` or the shape of the state changes: older snapshots are then thrown away and folded again.
    const FOLD_VERSION: i16;

    fn initial() -> Self;

    /// What follows from a command, or why nothing may. Deciding the same thing again yields no event.
    fn decide(&self, command: Self::Command, now: Timestamp) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Takes in what happened. There are no rules here: a rule in `evolve` rewrites the past when it changes.
    fn evolve(self, event: &Self::Event) -> Result<Self, ImpossibleHistory>;

    /// How the store may look this stream up without folding it.
    fn index(&self) -> StreamIndex;

    /// The unique keys this state owns. The handler takes what is new in it and releases what is gone.
    fn holds(&self) -> Vec<Reservation> {
        Vec::new()
    }

    /// What this stream adds to its tenant's tallies. The handler sends the difference between after and before.
    fn counts(&self) -> Vec<(&'static str, i64)> {
        Vec::new()
    }

    /// The ceilings this stream sets for its tenant's tallies, for the appender to judge against.
    fn ceilings(&self) -> Vec<(&'static str, i64)> {
        Vec::new()
    }
}

/// Why a command was refused: `Display` says it as a colleague would, `code` says it to a program, and never changes.
pub trait Reason: Error + Send + Sync + 'static {
    /// Stable, in kebab case.
    fn code(&self) -> &'static str;
}

/// What the store may search streams by.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StreamIndex {
    /// The stream this one hangs below: a finding's device, a session's user.
    pub parent: Option<StreamId>,
    /// A free label to tell streams of one kind apart: a finding's tool family, a user's role.
    pub lane: Option<String>,
    /// Whether it still matters: a finding is detected, a session has not ended.
    pub open: bool,
    /// When a scheduled command is due.
    pub due_at: Option<Timestamp>,
}

/// How far a reserved key must be unique.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ReservationScope {
    Tenant,
    Deployment,
}

/// A key that only one stream may own at a time.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reservation {
    pub scope: ReservationScope,
    pub key: String,
}

impl Reservation {
    pub fn tenant(key: impl Into<String>) -> Self {
        Self { scope: ReservationScope::Tenant, key: key.into() }
    }

    pub fn deployment(key: impl Into<String>) -> Self {
        Self { scope: ReservationScope::Deployment, key: key.into() }
    }
}

/// A pair of state and event that no decision can have produced: the log is damaged, or `evolve` is wrong.
///
/// It names the variants alone, never their content, so that it may be logged.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the event {event} cannot have happened in the state {state}")]
pub struct ImpossibleHistory {
    pub state: String,
    pub event: String,
}

impl ImpossibleHistory {
    pub fn of(state: &impl Debug, event: &impl Debug) -> Self {
        Self { state: variant_name(state), event: variant_name(event) }
    }
}

/// What is true after these events.
pub fn fold<'e, D>(events: impl IntoIterator<Item = &'e D::Event>) -> Result<D, ImpossibleHistory>
where
    D: Decider,
    D::Event: 'e,
{
    events.into_iter().try_fold(D::initial(), D::evolve)
}

fn variant_name(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
