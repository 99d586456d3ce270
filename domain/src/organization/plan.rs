//! What an organization has subscribed to. Prices and dates are not known here.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::vocabulary::Invalid;

/// No deployment of one machine holds more; it also keeps a slip of the keyboard from lifting the ceiling altogether.
pub const DEVICE_LIMIT_MAX_DEVICES: u32 = 10_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Plan {
    Free,
    Team,
    Enterprise,
}

impl Plan {
    pub const ALL: &'static [Self] = &[Self::Free, Self::Team, Self::Enterprise];

    /// How many devices the plan holds unless the operator grants another number.
    pub const fn device_limit(self) -> u32 {
        match self {
            Self::Free => 100,
            Self::Team => 5_000,
            Self::Enterprise => 1_000_000,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Team => "team",
            Self::Enterprise => "enterprise",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let known = Self::ALL.iter().copied().find(|plan| plan.as_str() == raw);
        known.ok_or_else(|| Invalid::new("unknown-plan", "must be one of free team enterprise"))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
