//! What is true of an organization now.

use serde::{Deserialize, Serialize};

use crate::decider::ImpossibleHistory;
use crate::organization::{Event, Plan};
use crate::vocabulary::{Name, Slug};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Organization {
    Unfounded,
    Active(Terms),
    /// Its people and scanners are shut out; its data and its slug stay.
    Suspended(Terms),
}

/// What holds whether or not the organization is suspended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub slug: Slug,
    pub name: Name,
    pub plan: Plan,
    pub device_limit: u32,
}

impl Organization {
    pub const fn terms(&self) -> Option<&Terms> {
        match self {
            Self::Unfounded => None,
            Self::Active(terms) | Self::Suspended(terms) => Some(terms),
        }
    }
}

pub(super) fn evolve(organization: Organization, event: &Event) -> Result<Organization, ImpossibleHistory> {
    use {Event as E, Organization as O};
    Ok(match (organization, event) {
        (O::Unfounded, E::Founded { slug, name, plan, device_limit }) => {
            O::Active(Terms { slug: slug.clone(), name: name.clone(), plan: *plan, device_limit: *device_limit })
        }
        (O::Active(terms), &E::PlanChanged { plan, device_limit }) => O::Active(Terms { plan, device_limit, ..terms }),
        (O::Suspended(terms), &E::PlanChanged { plan, device_limit }) => {
            O::Suspended(Terms { plan, device_limit, ..terms })
        }
        (O::Active(terms), E::Suspended { .. }) => O::Suspended(terms),
        (O::Suspended(terms), E::Resumed) => O::Active(terms),
        (state, event @ (E::Founded { .. } | E::PlanChanged { .. } | E::Suspended { .. } | E::Resumed)) => {
            return Err(ImpossibleHistory::of(&state, event));
        }
    })
}
