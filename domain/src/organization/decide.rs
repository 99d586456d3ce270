//! The rules of an organization, one arm per situation and wish.

use crate::decider::Reason;
use crate::organization::{Command, DEVICE_LIMIT_MAX_DEVICES, Event, Organization, Plan, Terms};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("this organization has not been founded")]
    NotFounded,
    #[error("this organization has been founded before, on other terms")]
    AlreadyFounded,
    #[error("an organization holds at most {DEVICE_LIMIT_MAX_DEVICES} devices")]
    DeviceLimitTooHigh,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFounded => "organization-not-founded",
            Self::AlreadyFounded => "organization-already-founded",
            Self::DeviceLimitTooHigh => "device-limit-too-high",
        }
    }
}

pub(super) fn decide(organization: &Organization, command: Command) -> Result<Vec<Event>, Refusal> {
    use {Command as C, Event as E, Organization as O};
    Ok(match (organization, command) {
        (O::Unfounded, C::Found { slug, name, plan, device_limit }) => {
            let device_limit = granted(plan, device_limit)?;
            vec![E::Founded { slug, name, plan, device_limit }]
        }
        (O::Active(terms) | O::Suspended(terms), C::Found { slug, name, plan, device_limit }) => {
            let device_limit = granted(plan, device_limit)?;
            if *terms != (Terms { slug, name, plan, device_limit }) {
                return Err(Refusal::AlreadyFounded);
            }
            vec![]
        }
        (O::Unfounded, C::ChangePlan { .. } | C::Suspend { .. } | C::Resume) => return Err(Refusal::NotFounded),

        (O::Active(terms) | O::Suspended(terms), C::ChangePlan { plan, device_limit }) => {
            let device_limit = granted(plan, device_limit)?;
            if (terms.plan, terms.device_limit) == (plan, device_limit) {
                return Ok(vec![]);
            }
            vec![E::PlanChanged { plan, device_limit }]
        }

        (O::Active(_), C::Suspend { reason }) => vec![E::Suspended { reason }],
        (O::Suspended(_), C::Suspend { .. }) => vec![],
        (O::Suspended(_), C::Resume) => vec![E::Resumed],
        (O::Active(_), C::Resume) => vec![],
    })
}

fn granted(plan: Plan, device_limit: Option<u32>) -> Result<u32, Refusal> {
    let device_limit = device_limit.unwrap_or(plan.device_limit());
    if device_limit > DEVICE_LIMIT_MAX_DEVICES {
        return Err(Refusal::DeviceLimitTooHigh);
    }
    Ok(device_limit)
}
