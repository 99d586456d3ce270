//! What an operator may want of an organization.

use crate::organization::Plan;
use crate::vocabulary::{Justification, Name, Slug};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Without a device limit the plan's own applies.
    Found {
        slug: Slug,
        name: Name,
        plan: Plan,
        device_limit: Option<u32>,
    },
    /// Without a device limit the new plan's own applies: what was granted before does not carry over.
    ChangePlan {
        plan: Plan,
        device_limit: Option<u32>,
    },
    Suspend {
        reason: Option<Justification>,
    },
    Resume,
}
