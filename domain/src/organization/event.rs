//! What happened to an organization.

use crate::organization::Plan;
use crate::vocabulary::{Justification, Name, Slug};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Founded { slug: Slug, name: Name, plan: Plan, device_limit: u32 },
    PlanChanged { plan: Plan, device_limit: u32 },
    Suspended { reason: Option<Justification> },
    Resumed,
}
