//! What operators speak of when they steer projections: which one, which of its generations, which partition, and the
//! operation that follows from a decision.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::ids::PARTITIONS;
use super::kinds::named;
use super::{Invalid, StreamId};

/// A number above is never given, and kept free for folds that are thrown away again.
pub const GENERATION_MAX: u32 = 999_999;

/// Of the streams and operations of projections. Changing it would forget every decision about them.
const NAMESPACE: Uuid = uuid!("b0a4f1de-6c3e-4d0b-8a55-0f5c6a1d7e42");

named! {
    /// The read models that can be rebuilt, switched and repaired.
    ProjectionName as "unknown-projection" {
        Organizations = "organizations",
        Users = "users",
        ApiKeys = "api_keys",
        Devices = "devices",
        Findings = "findings",
        FindingSearch = "finding_search",
        Scans = "scans",
        Summary = "summary",
        AuditTrail = "audit_trail",
    }
}

/// One fold of the log into a projection's tables. They are counted from 1, and no number is used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Generation(u32);

/// A partition of the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Partition(u8);

impl ProjectionName {
    /// Where all decisions about it stand, among the deployment's own streams.
    pub fn stream(self) -> StreamId {
        StreamId::new(Uuid::new_v5(&NAMESPACE, self.as_str().as_bytes()))
    }

    /// What follows from the decision that made this version of its stream.
    pub fn operation(self, version: i64) -> Uuid {
        Uuid::new_v5(&NAMESPACE, format!("{self}/{version}").as_bytes())
    }
}

impl Generation {
    /// What a new deployment's migrations make.
    pub const FIRST: Self = Self(1);

    pub fn new(number: u32) -> Result<Self, Invalid> {
        match number {
            1..=GENERATION_MAX => Ok(Self(number)),
            _ => Err(Invalid::new("out-of-range", format!("must be a number from 1 to {GENERATION_MAX}"))),
        }
    }

    pub const fn number(self) -> u32 {
        self.0
    }

    pub const fn next(self) -> Option<Self> {
        if self.0 < GENERATION_MAX { Some(Self(self.0 + 1)) } else { None }
    }
}

impl Partition {
    pub const FIRST: Self = Self(0);
    pub const LAST: Self = Self((PARTITIONS - 1) as u8);

    pub fn new(number: u32) -> Result<Self, Invalid> {
        match u8::try_from(number) {
            Ok(number) if u16::from(number) < PARTITIONS => Ok(Self(number)),
            Ok(_) | Err(_) => {
                Err(Invalid::new("out-of-range", format!("must be a number from 0 to {}", PARTITIONS - 1)))
            }
        }
    }

    pub const fn number(self) -> u8 {
        self.0
    }
}

impl TryFrom<u32> for Generation {
    type Error = Invalid;

    fn try_from(number: u32) -> Result<Self, Invalid> {
        Self::new(number)
    }
}

impl From<Generation> for u32 {
    fn from(generation: Generation) -> Self {
        generation.0
    }
}

impl TryFrom<u32> for Partition {
    type Error = Invalid;

    fn try_from(number: u32) -> Result<Self, Invalid> {
        Self::new(number)
    }
}

impl From<Partition> for u32 {
    fn from(partition: Partition) -> Self {
        partition.0.into()
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
