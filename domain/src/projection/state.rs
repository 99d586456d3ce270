//! What is decided about a projection so far.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::decider::ImpossibleHistory;
use crate::projection::{Decision, Event};
use crate::vocabulary::Generation;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Projection {
    /// The last number given.
    pub newest: Generation,
    /// All generations that there are.
    pub paused: bool,
    /// Some of them, each by itself.
    pub paused_generations: BTreeSet<Generation>,
    pub skipped: BTreeSet<Uuid>,
}

impl Default for Projection {
    fn default() -> Self {
        Self { newest: Generation::FIRST, paused: false, paused_generations: BTreeSet::new(), skipped: BTreeSet::new() }
    }
}

pub(super) fn evolve(mut projection: Projection, event: &Event) -> Result<Projection, ImpossibleHistory> {
    use Decision as D;
    match &event.decision {
        D::RebuildRequested { generation, .. } if projection.newest.next() != Some(*generation) => {
            return Err(ImpossibleHistory::of(&projection, &event.decision));
        }
        D::RebuildRequested { generation, .. } => projection.newest = *generation,
        D::Paused { generation: None } => projection.paused = true,
        D::Paused { generation: Some(generation) } => {
            projection.paused_generations.insert(*generation);
        }
        D::Resumed { generation: None } => {
            projection.paused = false;
            projection.paused_generations.clear();
        }
        D::Resumed { generation: Some(generation) } => {
            projection.paused_generations.remove(generation);
        }
        D::EventSkipped { event, .. } => {
            projection.skipped.insert(*event);
        }
        D::SwitchRequested { .. }
        | D::RetireRequested { .. }
        | D::VerifyRequested { .. }
        | D::RepairRequested { .. }
        | D::StreamRetried { .. } => {}
    }
    Ok(projection)
}
