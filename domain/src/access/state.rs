//! Whether an occurrence has been written down, and of which sort it is. It remembers no more:
//! such streams are many and nobody decides anything on their content.

use serde::{Deserialize, Serialize};

use crate::access::Event;
use crate::decider::ImpossibleHistory;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    Unrecorded,
    Recorded(What),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    LogInFailed,
    LogInsFailed,
    Denied,
    Denials,
}

pub(super) fn evolve(access: Access, event: &Event) -> Result<Access, ImpossibleHistory> {
    match (access, event) {
        (Access::Unrecorded, event) => Ok(Access::Recorded(What::of(event))),
        (Access::Recorded(_), event) => Err(ImpossibleHistory::of(&access, event)),
    }
}

impl What {
    pub(super) const fn of(event: &Event) -> Self {
        match event {
            Event::LogInFailed { .. } => Self::LogInFailed,
            Event::LogInsFailed { .. } => Self::LogInsFailed,
            Event::Denied { .. } => Self::Denied,
            Event::Denials { .. } => Self::Denials,
        }
    }
}
