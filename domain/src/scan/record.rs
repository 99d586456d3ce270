//! What is kept of a report beside what it said about devices and findings.

use crate::vocabulary::{Few, Label, Name, Sha256, Timestamp, ToolVersion};

pub const HOSTS_MAX: usize = 128;

/// Names, addresses and ranges as whoever sent the report declared them; see [`super::target`].
pub type Hosts = Few<Name, HOSTS_MAX>;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub tool: Label,
    pub tool_version: Option<ToolVersion>,
    /// The check family: the tool's family, and a label where two policies of one tool check different things.
    pub lane: Label,
    pub scope: Scope,
    /// Of the report's bytes as they came.
    pub sha256: Sha256,
    pub bytes: u64,
    pub observed_at: Timestamp,
    pub counts: Counts,
}

/// What the scan set out to look at. What it did not cover it says nothing about; without declared hosts it may have
/// been anything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scope {
    pub devices: u32,
    pub hosts: Hosts,
}

/// What came of it. They describe the first complete reading; sending the report again does not count again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    pub hosts_up: u32,
    pub devices_registered: u32,
    pub devices_updated: u32,
    pub findings_raised: u32,
    pub findings_known: u32,
    /// Records that could not be applied.
    pub refused: u32,
}
