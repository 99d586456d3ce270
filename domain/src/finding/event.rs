//! What happened to a finding. These are facts: added to, never renamed. How they are stored is not said here.

use super::{Identity, Report};
use crate::vocabulary::{Justification, Note, Severity, Sha256, Timestamp, UserId};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The identity is kept as it was computed then: a later version of the algorithm does not change it.
    Raised {
        report: Report,
        identity: Option<Identity>,
    },
    DetectedAgain {
        observed_at: Timestamp,
    },
    SeverityChanged {
        severity: Severity,
        reason: Option<Justification>,
    },
    Confirmed,
    MarkedFalsePositive {
        reason: Justification,
    },
    MarkedOutOfScope {
        reason: Justification,
    },
    WorkStarted,
    FixClaimed {
        note: Option<Note>,
    },
    /// Gone as of `at`: an older observation does not bring it back.
    FixVerified {
        at: Timestamp,
    },
    Assigned {
        assignee: Option<UserId>,
    },
    Noted {
        text: Note,
    },
    AcceptanceRequested {
        by: UserId,
        reason: Justification,
        until: Timestamp,
        proof: Option<Sha256>,
    },
    AcceptanceApproved {
        by: UserId,
    },
    AcceptanceDeclined {
        by: UserId,
        reason: Option<Justification>,
    },
    AcceptanceLapsed,
    /// Gone as of `at`: an older observation does not bring it back.
    Resolved {
        reason: Option<Justification>,
        at: Timestamp,
    },
    Reopened {
        reason: Option<Justification>,
    },
}
