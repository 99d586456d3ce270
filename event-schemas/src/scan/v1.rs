//! Version 1 of what is stored of a scan. Never edited: a change is a new version beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recorded {
    pub tool: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_version: Option<String>,
    /// The check family: only what this lane's scans look for may be closed by their silence.
    pub lane: String,
    pub scope: Scope,
    /// Of the report's bytes as they came.
    #[schemars(regex(pattern = words::SHA256_HEX))]
    pub sha256: String,
    pub bytes: u64,
    /// Microseconds since 1970, UTC: when the tool looked, not when we learnt.
    pub observed_at: i64,
    pub counts: Counts,
}

/// What the scan says it looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    pub devices: u32,
    /// The targets as they were declared to the tool; cut short where there are too many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    pub hosts_up: u32,
    pub devices_registered: u32,
    pub devices_updated: u32,
    pub findings_raised: u32,
    pub findings_known: u32,
    pub refused: u32,
}
