//! What is true of a scan now. No rules, only facts.

use serde::{Deserialize, Serialize};

use super::Event;
use crate::{decider::ImpossibleHistory, vocabulary::Label};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Scan {
    Unrecorded,
    Recorded { tool: Label },
}

pub(super) fn evolve(scan: Scan, event: &Event) -> Result<Scan, ImpossibleHistory> {
    match (scan, event) {
        (Scan::Unrecorded, Event::Recorded(record)) => Ok(Scan::Recorded { tool: record.tool.clone() }),
        (scan @ Scan::Recorded { .. }, Event::Recorded(_)) => Err(ImpossibleHistory::of(&scan, event)),
    }
}
