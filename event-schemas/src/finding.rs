//! The written events of a finding.

mod raised;
pub mod v1;

use domain::finding::Event;
use domain::vocabulary::{Justification, Note, Severity, Sha256, Timestamp, UserId};

use crate::codec::{EncodeError, Recorded, SealContext};
use crate::family::written_events;
use crate::parse::{Broken, optional, text};

written_events! {
    Finding in crate::Written = crate::Written::Finding {
        "finding.raised" => Raised(v1::Raised) 1;
        "finding.detected-again" => DetectedAgain(v1::DetectedAgain) 1;
        "finding.severity-changed" => SeverityChanged(v1::SeverityChanged) 1;
        "finding.confirmed" => Confirmed(v1::Confirmed) 1;
        "finding.marked-false-positive" => MarkedFalsePositive(v1::MarkedFalsePositive) 1;
        "finding.marked-out-of-scope" => MarkedOutOfScope(v1::MarkedOutOfScope) 1;
        "finding.work-started" => WorkStarted(v1::WorkStarted) 1;
        "finding.fix-claimed" => FixClaimed(v1::FixClaimed) 1;
        "finding.fix-verified" => FixVerified(v1::FixVerified) 1;
        "finding.assigned" => Assigned(v1::Assigned) 1;
        "finding.noted" => Noted(v1::Noted) 1;
        "finding.acceptance-requested" => AcceptanceRequested(v1::AcceptanceRequested) 1;
        "finding.acceptance-approved" => AcceptanceApproved(v1::AcceptanceApproved) 1;
        "finding.acceptance-declined" => AcceptanceDeclined(v1::AcceptanceDeclined) 1;
        "finding.acceptance-lapsed" => AcceptanceLapsed(v1::AcceptanceLapsed) 1;
        "finding.resolved" => Resolved(v1::Resolved) 1;
        "finding.reopened" => Reopened(v1::Reopened) 1;
    }
}

impl Recorded for Event {
    fn write(&self, _: &SealContext<'_>) -> Result<crate::Written, EncodeError> {
        Ok(crate::Written::Finding(written(self)))
    }

    fn read(written: crate::Written) -> Result<Self, Broken> {
        let crate::Written::Finding(written) = written else {
            return Err(Broken::of_another_kind("a finding", written.type_name()));
        };
        event(written)
    }
}

fn written(event: &Event) -> Written {
    use {Event as E, Written as W};
    match event {
        E::Raised { report, identity } => W::Raised(raised::written(report, identity.as_ref())),
        E::DetectedAgain { observed_at } => W::DetectedAgain(v1::DetectedAgain { observed_at: observed_at.micros() }),
        E::SeverityChanged { severity, reason } => {
            W::SeverityChanged(v1::SeverityChanged { severity: severity.to_string(), reason: words(reason.as_ref()) })
        }
        E::Confirmed => W::Confirmed(v1::Confirmed {}),
        E::MarkedFalsePositive { reason } => {
            W::MarkedFalsePositive(v1::MarkedFalsePositive { reason: reason.to_string() })
        }
        E::MarkedOutOfScope { reason } => W::MarkedOutOfScope(v1::MarkedOutOfScope { reason: reason.to_string() }),
        E::WorkStarted => W::WorkStarted(v1::WorkStarted {}),
        E::FixClaimed { note } => W::FixClaimed(v1::FixClaimed { note: words(note.as_ref()) }),
        E::FixVerified { at } => W::FixVerified(v1::FixVerified { at: at.micros() }),
        E::Assigned { assignee } => W::Assigned(v1::Assigned { assignee: assignee.map(UserId::uuid) }),
        E::Noted { text } => W::Noted(v1::Noted { text: text.to_string() }),
        E::AcceptanceRequested { by, reason, until, proof } => W::AcceptanceRequested(v1::AcceptanceRequested {
            by: by.uuid(),
            reason: reason.to_string(),
            until: until.micros(),
            proof_sha256: words(proof.as_ref()),
        }),
        E::AcceptanceApproved { by } => W::AcceptanceApproved(v1::AcceptanceApproved { by: by.uuid() }),
        E::AcceptanceDeclined { by, reason } => {
            W::AcceptanceDeclined(v1::AcceptanceDeclined { by: by.uuid(), reason: words(reason.as_ref()) })
        }
        E::AcceptanceLapsed => W::AcceptanceLapsed(v1::AcceptanceLapsed {}),
        E::Resolved { reason, at } => W::Resolved(v1::Resolved { reason: words(reason.as_ref()), at: at.micros() }),
        E::Reopened { reason } => W::Reopened(v1::Reopened { reason: words(reason.as_ref()) }),
    }
}

fn event(written: Written) -> Result<Event, Broken> {
    use {Event as E, Written as W};
    Ok(match written {
        W::Raised(event) => raised::event(event)?,
        W::DetectedAgain(event) => E::DetectedAgain { observed_at: Timestamp::from_micros(event.observed_at) },
        W::SeverityChanged(event) => E::SeverityChanged {
            severity: text("/severity", &event.severity, Severity::parse)?,
            reason: why(event.reason.as_ref())?,
        },
        W::Confirmed(v1::Confirmed {}) => E::Confirmed,
        W::MarkedFalsePositive(event) => {
            E::MarkedFalsePositive { reason: text("/reason", &event.reason, Justification::parse)? }
        }
        W::MarkedOutOfScope(event) => {
            E::MarkedOutOfScope { reason: text("/reason", &event.reason, Justification::parse)? }
        }
        W::WorkStarted(v1::WorkStarted {}) => E::WorkStarted,
        W::FixClaimed(event) => E::FixClaimed { note: optional("/note", event.note.as_ref(), Note::parse)? },
        W::FixVerified(event) => E::FixVerified { at: Timestamp::from_micros(event.at) },
        W::Assigned(event) => E::Assigned { assignee: event.assignee.map(UserId::new) },
        W::Noted(event) => E::Noted { text: text("/text", &event.text, Note::parse)? },
        W::AcceptanceRequested(event) => E::AcceptanceRequested {
            by: UserId::new(event.by),
            reason: text("/reason", &event.reason, Justification::parse)?,
            until: Timestamp::from_micros(event.until),
            proof: optional("/proof_sha256", event.proof_sha256.as_ref(), Sha256::parse)?,
        },
        W::AcceptanceApproved(event) => E::AcceptanceApproved { by: UserId::new(event.by) },
        W::AcceptanceDeclined(event) => {
            E::AcceptanceDeclined { by: UserId::new(event.by), reason: why(event.reason.as_ref())? }
        }
        W::AcceptanceLapsed(v1::AcceptanceLapsed {}) => E::AcceptanceLapsed,
        W::Resolved(event) => E::Resolved { reason: why(event.reason.as_ref())?, at: Timestamp::from_micros(event.at) },
        W::Reopened(event) => E::Reopened { reason: why(event.reason.as_ref())? },
    })
}

fn words(value: Option<&impl ToString>) -> Option<String> {
    value.map(ToString::to_string)
}

fn why(reason: Option<&String>) -> Result<Option<Justification>, Broken> {
    optional("/reason", reason, Justification::parse)
}
