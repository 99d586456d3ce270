//! What somebody wants of a finding. Who may want it is decided elsewhere, but for the two persons of an acceptance.

use super::Report;
use crate::vocabulary::{Justification, Note, Severity, Sha256, Timestamp, UserId};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Raise(Report),
    /// Somebody or something saw it again.
    Observe {
        observed_at: Timestamp,
    },
    ChangeSeverity {
        severity: Severity,
        reason: Option<Justification>,
    },
    /// It is real and ours to deal with. Takes back a mark or an acceptance.
    Confirm,
    MarkFalsePositive {
        reason: Justification,
    },
    MarkOutOfScope {
        reason: Justification,
    },
    Start,
    ClaimFixed {
        note: Option<Note>,
    },
    Verify,
    /// Nobody, to take it off somebody's hands.
    Assign {
        assignee: Option<UserId>,
    },
    Note {
        text: Note,
    },
    RequestAcceptance {
        by: UserId,
        reason: Justification,
        until: Timestamp,
        proof: Option<Sha256>,
    },
    ApproveAcceptance {
        by: UserId,
    },
    DeclineAcceptance {
        by: UserId,
        reason: Option<Justification>,
    },
    /// Scheduled: an acceptance's time, granted or only requested, is up.
    LapseAcceptance,
    /// A person says it is not there any more.
    Resolve {
        reason: Option<Justification>,
    },
    /// Takes a resolution or a verification back.
    Reopen {
        reason: Option<Justification>,
    },
}
