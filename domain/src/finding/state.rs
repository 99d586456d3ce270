//! What is true of a finding now: one variant per legal situation, so that no other can be written down.
//!
//! There are no rules here, only facts: which command may lead where is decided elsewhere.

mod evolve;

use serde::{Deserialize, Serialize};

pub(super) use evolve::evolve;

use crate::vocabulary::{Detection, DeviceId, Disposition, Label, Remediation, Severity, Timestamp, UserId};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Finding {
    Unraised,
    Known(Known),
}

/// What decisions need to know of a raised finding. Its texts are for readers and stay in the events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Known {
    pub device: Option<DeviceId>,
    pub tool: Label,
    pub severity: Severity,
    pub assignee: Option<UserId>,
    pub situation: Situation,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Situation {
    /// Detected, and on somebody's table.
    Open { standing: Standing, work: Work },
    /// Detected, and deliberately left alone.
    Suppressed(Suppression),
    /// Not detected since then.
    Gone { since: Timestamp, verdict: Verdict },
}

/// Whether people have looked at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Triage {
    Untriaged,
    Confirmed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Standing {
    Triaged(Triage),
    /// Somebody asked to live with it; until another person agrees it counts as open.
    AcceptanceRequested {
        by: UserId,
        until: Timestamp,
        before: Triage,
    },
}

/// How far the repair of something detected has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Work {
    Open,
    InProgress,
    ClaimedFixed,
}

/// Why nobody works on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Suppression {
    FalsePositive,
    OutOfScope,
    /// An acceptance cannot lack an end, and it knows what to come back to.
    Accepted {
        until: Timestamp,
        before: Triage,
    },
}

/// What was thought of it when it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Verdict {
    Settled { triage: Triage, remedy: Remedy },
    Suppressed(Suppression),
}

/// Why it went, as far as anybody says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Remedy {
    /// Nobody claims to have fixed it.
    Unclaimed,
    ClaimedFixed,
    Verified,
}

/// The three parts as readers know them. Suppressed findings have no remediation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Triple {
    pub detection: Detection,
    pub disposition: Disposition,
    pub remediation: Option<Remediation>,
}

impl Finding {
    /// Nothing before the finding was raised.
    pub fn known(&self) -> Option<&Known> {
        match self {
            Self::Unraised => None,
            Self::Known(known) => Some(known),
        }
    }
}

impl Situation {
    pub fn triple(&self) -> Triple {
        let (detection, disposition, remediation) = match self {
            Self::Open { standing, work } => (Detection::Detected, standing.disposition(), Some(work.remediation())),
            Self::Suppressed(suppression) => (Detection::Detected, suppression.disposition(), None),
            Self::Gone { verdict: Verdict::Settled { triage, remedy }, .. } => {
                (Detection::NotDetected, triage.disposition(), Some(remedy.remediation()))
            }
            Self::Gone { verdict: Verdict::Suppressed(suppression), .. } => {
                (Detection::NotDetected, suppression.disposition(), None)
            }
        };
        Triple { detection, disposition, remediation }
    }

    /// When an acceptance, granted or only requested, runs out.
    pub fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::Open { standing: Standing::AcceptanceRequested { until, .. }, .. }
            | Self::Suppressed(Suppression::Accepted { until, .. })
            | Self::Gone { verdict: Verdict::Suppressed(Suppression::Accepted { until, .. }), .. } => Some(*until),
            Self::Open { standing: Standing::Triaged(_), .. }
            | Self::Suppressed(Suppression::FalsePositive | Suppression::OutOfScope)
            | Self::Gone {
                verdict:
                    Verdict::Settled { .. } | Verdict::Suppressed(Suppression::FalsePositive | Suppression::OutOfScope),
                ..
            } => None,
        }
    }
}

impl Triage {
    fn disposition(self) -> Disposition {
        match self {
            Self::Untriaged => Disposition::Untriaged,
            Self::Confirmed => Disposition::Confirmed,
        }
    }
}

impl Standing {
    /// What it is when a pending request falls away.
    pub fn triage(self) -> Triage {
        match self {
            Self::Triaged(triage) | Self::AcceptanceRequested { before: triage, .. } => triage,
        }
    }

    fn disposition(self) -> Disposition {
        match self {
            Self::Triaged(triage) => triage.disposition(),
            Self::AcceptanceRequested { .. } => Disposition::AcceptanceRequested,
        }
    }
}

impl Work {
    fn remediation(self) -> Remediation {
        match self {
            Self::Open => Remediation::Open,
            Self::InProgress => Remediation::InProgress,
            Self::ClaimedFixed => Remediation::ClaimedFixed,
        }
    }
}

impl Suppression {
    fn disposition(self) -> Disposition {
        match self {
            Self::FalsePositive => Disposition::FalsePositive,
            Self::OutOfScope => Disposition::OutOfScope,
            Self::Accepted { .. } => Disposition::Accepted,
        }
    }
}

impl Remedy {
    fn remediation(self) -> Remediation {
        match self {
            Self::Unclaimed => Remediation::Open,
            Self::ClaimedFixed => Remediation::ClaimedFixed,
            Self::Verified => Remediation::Verified,
        }
    }
}
