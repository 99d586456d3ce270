//! Which occurrence may be written into which stream. It never decides whether to write one:
//! that is the flood rule's.

use crate::access::{Access, Command, Event, What};
use crate::decider::Reason;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("another occurrence has been recorded under this id")]
    RecordedOtherwise,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::RecordedOtherwise => "access-recorded-otherwise",
        }
    }
}

/// The stream's random id names the occurrence, so the same sort once more is a retry.
pub(super) fn decide(access: &Access, command: Command) -> Result<Vec<Event>, Refusal> {
    let event = event_of(command);
    match access {
        Access::Unrecorded => Ok(vec![event]),
        Access::Recorded(what) if *what == What::of(&event) => Ok(vec![]),
        Access::Recorded(_) => Err(Refusal::RecordedOtherwise),
    }
}

fn event_of(command: Command) -> Event {
    match command {
        Command::RecordFailedLogIn { account_hash, reason } => Event::LogInFailed { account_hash, reason },
        Command::RecordFailedLogIns { account_hash, tally } => {
            Event::LogInsFailed { account_hash, count: tally.count(), from: tally.from(), until: tally.until() }
        }
        Command::RecordDenial { operation, role } => Event::Denied { operation, role },
        Command::RecordDenials { operation, tally } => {
            Event::Denials { operation, count: tally.count(), from: tally.from(), until: tally.until() }
        }
    }
}
