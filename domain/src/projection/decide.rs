//! The rules of decisions about projections. Most may be repeated: what they lead to can have failed on the read side,
//! which nobody here knows.

use crate::decider::Reason;
use crate::projection::{Command, Decision, Event, Projection, SKIPS_MAX, Scope, Wish};
use crate::vocabulary::{GENERATION_MAX, Generation};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no generation of this projection has that number")]
    UnknownGeneration,
    #[error("a projection has at most {GENERATION_MAX} generations")]
    NoGenerationLeft,
    #[error("the projection is paused as a whole, and resumed as a whole")]
    PausedAsAWhole,
    #[error("the first partition lies behind the last")]
    EmptyScope,
    #[error("at most {SKIPS_MAX} events of a projection can be skipped")]
    TooManySkips,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownGeneration => "unknown-generation",
            Self::NoGenerationLeft => "no-generation-left",
            Self::PausedAsAWhole => "projection-paused-as-a-whole",
            Self::EmptyScope => "empty-partition-range",
            Self::TooManySkips => "too-many-skips",
        }
    }
}

pub(super) fn decide(state: &Projection, command: Command) -> Result<Vec<Event>, Refusal> {
    use {Decision as D, Wish as W};
    let decision = match command.wish {
        W::Rebuild { switch } => {
            let generation = state.newest.next().ok_or(Refusal::NoGenerationLeft)?;
            Some(D::RebuildRequested { generation, switch })
        }
        W::Switch { generation } => Some(D::SwitchRequested { generation: known(state, generation)? }),
        W::Retire { generation } => Some(D::RetireRequested { generation: known(state, generation)? }),

        W::Pause { generation: None } => (!state.paused).then_some(D::Paused { generation: None }),
        W::Pause { generation: Some(generation) } => {
            let generation = known(state, generation)?;
            let runs = !state.paused && !state.paused_generations.contains(&generation);
            runs.then_some(D::Paused { generation: Some(generation) })
        }
        W::Resume { generation: None } => {
            let rests = state.paused || !state.paused_generations.is_empty();
            rests.then_some(D::Resumed { generation: None })
        }
        W::Resume { generation: Some(_) } if state.paused => return Err(Refusal::PausedAsAWhole),
        W::Resume { generation: Some(generation) } => {
            let generation = known(state, generation)?;
            let rests = state.paused_generations.contains(&generation);
            rests.then_some(D::Resumed { generation: Some(generation) })
        }

        W::Verify { scope: Scope::Partitions { first, last } } if first > last => return Err(Refusal::EmptyScope),
        W::Verify { scope } => Some(D::VerifyRequested { scope }),
        W::Repair { partition } => Some(D::RepairRequested { partition }),

        W::RetryStream { tenant, stream, generation } => {
            let generation = generation.map(|generation| known(state, generation)).transpose()?;
            Some(D::StreamRetried { tenant, stream, generation })
        }
        W::SkipEvent { event, .. } if state.skipped.contains(&event) => None,
        W::SkipEvent { .. } if state.skipped.len() >= SKIPS_MAX => return Err(Refusal::TooManySkips),
        W::SkipEvent { tenant, stream, event, reason } => Some(D::EventSkipped { tenant, stream, event, reason }),
    };
    Ok(decision.map(|decision| Event { projection: command.projection, decision }).into_iter().collect())
}

fn known(state: &Projection, generation: Generation) -> Result<Generation, Refusal> {
    if generation <= state.newest { Ok(generation) } else { Err(Refusal::UnknownGeneration) }
}
