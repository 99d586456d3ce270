//! One weakness at one place, from first report to closure.
//!
//! What is true of a finding has three parts: whether it is *detected*, what people have *decided* about it, and how far
//! its *repair* has come. These combinations exist, and the types of [`state`] can write down no other:
//!
//! | detection | disposition | remediation |
//! |---|---|---|
//! | detected | untriaged, confirmed, acceptance requested | open, in progress, claimed fixed |
//! | detected | false positive, out of scope, accepted until T | – |
//! | not detected | untriaged, confirmed | open, claimed fixed, verified |
//! | not detected | false positive, out of scope, accepted until T | – |
//!
//! In words: what is *suppressed* (the second and fourth row) nobody repairs; only what is gone can be verified; a pending
//! request ends when the finding goes. While an acceptance is requested the finding counts as open.
//!
//! What each event does to the three parts (the rest stays as it was):
//!
//! | event | detection | disposition | remediation |
//! |---|---|---|---|
//! | raised | detected | untriaged | open |
//! | detected again, reopened | detected | stays, also a suppressed one | open; – if suppressed |
//! | confirmed | stays | confirmed | stays; open if it was suppressed |
//! | marked false positive, out of scope | stays | so | – |
//! | work started | detected | stays | in progress |
//! | fix claimed | stays | stays | claimed fixed |
//! | fix verified | not detected | stays; a request is withdrawn | verified |
//! | resolved | not detected | stays; a request is withdrawn | claimed fixed stays; else open; – if suppressed |
//! | acceptance requested | detected | acceptance requested | stays |
//! | acceptance approved | detected | accepted until T | – |
//! | acceptance declined | detected | as before the request | stays |
//! | acceptance lapsed | stays | as before the request | stays; open if it was accepted |
//!
//! It never closes by itself, never looks at other findings, and records no observation that changes nothing: when it was
//! last seen is a matter of scans.

mod command;
mod decide;
mod event;
mod identity;
mod report;
pub mod state;

#[cfg(test)]
mod tests;

pub use command::Command;
pub use decide::{ACCEPTANCE_MAX_DAYS, Refusal};
pub use event::Event;
pub use identity::{IDENTITY_VERSION, Identity, NAMESPACE};
pub use report::Report;
pub use state::{Finding, Known, Situation, Triple};

use crate::{
    decider::{Decider, ImpossibleHistory, StreamIndex},
    vocabulary::{Detection, StreamId, StreamKind, Timestamp},
};

impl Decider for Finding {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    const KIND: StreamKind = StreamKind::Finding;
    const FOLD_VERSION: i16 = 1;

    fn initial() -> Self {
        Self::Unraised
    }

    fn decide(&self, command: Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        decide::decide(self, command, now)
    }

    fn evolve(self, event: &Event) -> Result<Self, ImpossibleHistory> {
        state::evolve(self, event)
    }

    fn index(&self) -> StreamIndex {
        match self {
            Self::Unraised => StreamIndex::default(),
            Self::Known(known) => StreamIndex {
                parent: known.device.map(StreamId::from),
                lane: Some(known.tool.to_string()),
                open: known.situation.triple().detection == Detection::Detected,
                due_at: known.situation.due_at(),
            },
        }
    }
}
