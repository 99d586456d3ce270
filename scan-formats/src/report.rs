//! What all formats say alike: why a report was refused, what was set aside, what was found.
//!
//! It never says what becomes of an observation; that is for the one who imports.

use std::{fmt, io, sync::Arc};

use domain::vocabulary::{Cve, CvssScore, Port, Protocol, Severity};

/// How many quarantined records of one host are kept with their reasons. The rest is counted.
pub const QUARANTINED_KEPT_MAX_RECORDS: usize = 100;

/// Why reading ended before the end of the report. What was yielded before stands.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ParseError {
    #[error("the report is empty")]
    Empty,
    #[error("this is not a report in the format {expected}: it begins with {found}")]
    OtherFormat { expected: &'static str, found: String },
    #[error("the report ends in the middle, after byte {position}")]
    Truncated { position: u64 },
    #[error("the report is not well-formed at byte {position}: {reason}")]
    Malformed { position: u64, reason: String },
    #[error("the report is encoded in {found}, only UTF-8 is read")]
    Encoding { found: String },
    #[error("the document type at byte {position} has {part}, which is never read")]
    DocumentType { position: u64, part: &'static str },
    #[error("the entity '&{name};' at byte {position} is not one of the five that XML knows by itself")]
    Entity { position: u64, name: String },
    #[error("the report has more than {limit} at byte {position}")]
    Limit { position: u64, limit: Limit },
    #[error("the report could not be read to its end")]
    Read(#[source] Arc<io::Error>),
}

/// A bound that keeps the memory a report can take independent of its size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    pub most: u64,
    pub of: &'static str,
}

/// A record that was set aside because it makes no sense, with the place where it begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quarantined {
    pub position: u64,
    pub record: &'static str,
    pub reason: String,
}

/// All that was set aside of one host.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Quarantine {
    kept: Vec<Quarantined>,
    total: u64,
}

/// One thing a tool found, in the words of the domain but not yet judged by it: texts are clean and short, but pass the
/// vocabulary's door when they become a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindingObservation {
    /// The finding's type: `open-port`, `vulnerability`.
    pub kind: &'static str,
    pub tool: &'static str,
    /// What the tool calls the weakness; with port and protocol it is what makes the finding itself.
    pub rule: String,
    pub protocol: Option<Protocol>,
    pub port: Option<Port>,
    pub title: String,
    pub severity: Severity,
    pub cves: Vec<Cve>,
    pub cvss_score: Option<CvssScore>,
    pub evidence: Option<String>,
}

impl ParseError {
    /// Stable and made for programs; the text may improve.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty-report",
            Self::OtherFormat { .. } => "other-format",
            Self::Truncated { .. } => "truncated-report",
            Self::Malformed { .. } => "malformed-report",
            Self::Encoding { .. } => "unsupported-encoding",
            Self::DocumentType { .. } => "document-type-refused",
            Self::Entity { .. } => "entity-refused",
            Self::Limit { .. } => "report-limit",
            Self::Read(_) => "report-unreadable",
        }
    }

    /// The byte at which reading ended, where there is such a place.
    pub const fn position(&self) -> Option<u64> {
        match self {
            Self::Truncated { position }
            | Self::Malformed { position, .. }
            | Self::DocumentType { position, .. }
            | Self::Entity { position, .. }
            | Self::Limit { position, .. } => Some(*position),
            Self::Empty | Self::OtherFormat { .. } | Self::Encoding { .. } | Self::Read(_) => None,
        }
    }
}

impl Quarantine {
    pub fn add(&mut self, position: u64, record: &'static str, reason: impl Into<String>) {
        self.total += 1;
        if self.kept.len() < QUARANTINED_KEPT_MAX_RECORDS {
            self.kept.push(Quarantined { position, record, reason: reason.into() });
        }
    }

    /// The first of them, with their reasons.
    pub fn kept(&self) -> &[Quarantined] {
        &self.kept
    }

    /// How many there were, also those that are not kept.
    pub const fn total(&self) -> u64 {
        self.total
    }

    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.most, self.of)
    }
}

/// The CVSS v3 bands. No score is no statement: unknown, not harmless.
pub fn severity_of(score: Option<CvssScore>) -> Severity {
    match score.map(CvssScore::tenths) {
        None => Severity::Unknown,
        Some(0) => Severity::Info,
        Some(1..40) => Severity::Low,
        Some(40..70) => Severity::Medium,
        Some(70..90) => Severity::High,
        Some(90..) => Severity::Critical,
    }
}
