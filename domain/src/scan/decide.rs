//! The rules of a scan.

use super::{Command, Event, Scan};
use crate::{decider::Reason, vocabulary::Timestamp};

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the scan lies in the future; check the clock of the machine it ran on")]
    ObservedInFuture,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::ObservedInFuture => "observed-in-future",
        }
    }
}

pub(super) fn decide(scan: &Scan, command: Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    match (scan, command) {
        (Scan::Unrecorded, Command::Record(record)) if record.observed_at.is_in_the_future_at(now) => {
            Err(Refusal::ObservedInFuture)
        }
        (Scan::Unrecorded, Command::Record(record)) => Ok(vec![Event::Recorded(record)]),
        (Scan::Recorded { .. }, Command::Record(_)) => Ok(vec![]),
    }
}
