//! The rules of a finding: one small function per command, and one that dispatches.

use std::time::Duration;

use super::{
    Command, Event, Finding, Report,
    state::{Known, Remedy, Situation, Standing, Suppression, Triage, Verdict, Work},
};
use crate::{
    decider::Reason,
    vocabulary::{CvssVector, Timestamp, UserId},
};

/// An acceptance is looked at again at least once a year; the one day more forgives leap years.
pub const ACCEPTANCE_MAX_DAYS: u64 = 366;

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such finding")]
    NotRaised,
    #[error("the observation lies in the future; check the clock it was taken with")]
    ObservedInFuture,
    #[error("the finding is suppressed; confirm it before working on it")]
    Suppressed,
    #[error("the finding is not detected; reopen it first")]
    NotDetected,
    #[error("nobody has claimed to have fixed it")]
    FixNotClaimed,
    #[error("an acceptance is requested; approve or decline it first")]
    AcceptancePending,
    #[error("the finding is accepted already; confirm it to end the acceptance")]
    AlreadyAccepted,
    #[error("no acceptance is requested")]
    NoAcceptanceRequested,
    #[error("the acceptance must end in the future")]
    EndNotInFuture,
    #[error("the acceptance must end within {ACCEPTANCE_MAX_DAYS} days")]
    EndTooFar,
    #[error("the requested acceptance has run out; request it again with a later end")]
    RequestRanOut,
    #[error("another person than the requester must decide about an acceptance")]
    DecidedByRequester,
    #[error("the acceptance has not run out yet")]
    NotYetLapsed,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotRaised => "finding-not-raised",
            Self::ObservedInFuture => "observed-in-future",
            Self::Suppressed => "finding-suppressed",
            Self::NotDetected => "finding-not-detected",
            Self::FixNotClaimed => "fix-not-claimed",
            Self::AcceptancePending => "acceptance-pending",
            Self::AlreadyAccepted => "already-accepted",
            Self::NoAcceptanceRequested => "no-acceptance-requested",
            Self::EndNotInFuture => "acceptance-end-not-in-future",
            Self::EndTooFar => "acceptance-end-too-far",
            Self::RequestRanOut => "acceptance-request-ran-out",
            Self::DecidedByRequester => "acceptance-decided-by-requester",
            Self::NotYetLapsed => "acceptance-not-yet-lapsed",
        }
    }
}

type Decision = Result<Vec<Event>, Refusal>;

pub(super) fn decide(finding: &Finding, command: Command, now: Timestamp) -> Decision {
    match (finding, command) {
        (Finding::Unraised, Command::Raise(report)) => raise(report, now),
        (Finding::Unraised, _) => Err(Refusal::NotRaised),
        (Finding::Known(known), command) => decide_known(known, command, now),
    }
}

fn decide_known(known: &Known, command: Command, now: Timestamp) -> Decision {
    use Command as C;
    let situation = &known.situation;
    match command {
        C::Raise(Report { observed_at, .. }) | C::Observe { observed_at } => observe(situation, observed_at, now),
        C::ChangeSeverity { severity, .. } if severity == known.severity => Ok(vec![]),
        C::ChangeSeverity { severity, reason } => Ok(vec![Event::SeverityChanged { severity, reason }]),
        C::Assign { assignee } if assignee == known.assignee => Ok(vec![]),
        C::Assign { assignee } => Ok(vec![Event::Assigned { assignee }]),
        C::Note { text } => Ok(vec![Event::Noted { text }]),

        C::Confirm => confirm(situation),
        C::MarkFalsePositive { reason } => {
            mark(situation, Suppression::FalsePositive, Event::MarkedFalsePositive { reason })
        }
        C::MarkOutOfScope { reason } => mark(situation, Suppression::OutOfScope, Event::MarkedOutOfScope { reason }),
        C::Start => start(situation),
        C::ClaimFixed { note } => claim_fixed(situation, Event::FixClaimed { note }),
        C::Verify => verify(situation, now),

        C::RequestAcceptance { by, reason, until, proof } => {
            let event = Event::AcceptanceRequested { by, reason, until, proof };
            request_acceptance(situation, (by, until), event, now)
        }
        C::ApproveAcceptance { by } => approve_acceptance(situation, by, now),
        C::DeclineAcceptance { by, reason } => {
            decline_acceptance(situation, by, Event::AcceptanceDeclined { by, reason })
        }
        C::LapseAcceptance => lapse_acceptance(situation, now),

        C::Resolve { reason } => Ok(match situation {
            Situation::Open { .. } | Situation::Suppressed(_) => {
                vec![Event::Resolved { reason, at: now }]
            }
            Situation::Gone { .. } => vec![],
        }),
        C::Reopen { reason } => Ok(match situation {
            Situation::Open { .. } | Situation::Suppressed(_) => vec![],
            Situation::Gone { .. } => vec![Event::Reopened { reason }],
        }),
    }
}

/// A report without a score gets that of its newest vector: sorts need one.
fn raise(mut report: Report, now: Timestamp) -> Decision {
    if report.observed_at.is_in_the_future_at(now) {
        return Err(Refusal::ObservedInFuture);
    }
    let newest = report.cvss.iter().max_by(|a, b| a.version().cmp(b.version()));
    report.cvss_score = report.cvss_score.or_else(|| newest.and_then(CvssVector::score));
    let identity = report.identity();
    Ok(vec![Event::Raised { report, identity }])
}

/// An observation older than the moment it went adds history, if anything: it does not bring the finding back.
fn observe(situation: &Situation, observed_at: Timestamp, now: Timestamp) -> Decision {
    if observed_at.is_in_the_future_at(now) {
        return Err(Refusal::ObservedInFuture);
    }
    Ok(match situation {
        Situation::Open { .. } | Situation::Suppressed(_) => vec![],
        Situation::Gone { since, .. } if observed_at <= *since => vec![],
        Situation::Gone { .. } => vec![Event::DetectedAgain { observed_at }],
    })
}

fn confirm(situation: &Situation) -> Decision {
    match situation {
        Situation::Open { standing: Standing::AcceptanceRequested { .. }, .. } => Err(Refusal::AcceptancePending),
        Situation::Open { standing: Standing::Triaged(Triage::Confirmed), .. }
        | Situation::Gone { verdict: Verdict::Settled { triage: Triage::Confirmed, .. }, .. } => Ok(vec![]),
        Situation::Open { standing: Standing::Triaged(Triage::Untriaged), .. }
        | Situation::Suppressed(_)
        | Situation::Gone {
            verdict: Verdict::Settled { triage: Triage::Untriaged, .. } | Verdict::Suppressed(_),
            ..
        } => Ok(vec![Event::Confirmed]),
    }
}

fn mark(situation: &Situation, mark: Suppression, event: Event) -> Decision {
    match situation {
        Situation::Open { standing: Standing::AcceptanceRequested { .. }, .. } => Err(Refusal::AcceptancePending),
        Situation::Suppressed(present) | Situation::Gone { verdict: Verdict::Suppressed(present), .. }
            if *present == mark =>
        {
            Ok(vec![])
        }
        Situation::Open { standing: Standing::Triaged(_), .. } | Situation::Suppressed(_) | Situation::Gone { .. } => {
            Ok(vec![event])
        }
    }
}

/// Starting again after a claim says that the fix was none.
fn start(situation: &Situation) -> Decision {
    match situation {
        Situation::Open { work: Work::InProgress, .. } => Ok(vec![]),
        Situation::Open { work: Work::Open | Work::ClaimedFixed, .. } => Ok(vec![Event::WorkStarted]),
        Situation::Suppressed(_) => Err(Refusal::Suppressed),
        Situation::Gone { .. } => Err(Refusal::NotDetected),
    }
}

/// What is gone can still be claimed: somebody fixed it before anybody wrote so.
fn claim_fixed(situation: &Situation, event: Event) -> Decision {
    match situation {
        Situation::Open { work: Work::ClaimedFixed, .. }
        | Situation::Gone {
            verdict: Verdict::Settled { remedy: Remedy::ClaimedFixed | Remedy::Verified, .. }, ..
        } => Ok(vec![]),
        Situation::Open { work: Work::Open | Work::InProgress, .. }
        | Situation::Gone { verdict: Verdict::Settled { remedy: Remedy::Unclaimed, .. }, .. } => Ok(vec![event]),
        Situation::Suppressed(_) | Situation::Gone { verdict: Verdict::Suppressed(_), .. } => Err(Refusal::Suppressed),
    }
}

fn verify(situation: &Situation, now: Timestamp) -> Decision {
    match situation {
        Situation::Open { work: Work::ClaimedFixed, .. }
        | Situation::Gone { verdict: Verdict::Settled { remedy: Remedy::ClaimedFixed, .. }, .. } => {
            Ok(vec![Event::FixVerified { at: now }])
        }
        Situation::Gone { verdict: Verdict::Settled { remedy: Remedy::Verified, .. }, .. } => Ok(vec![]),
        Situation::Open { work: Work::Open | Work::InProgress, .. }
        | Situation::Gone { verdict: Verdict::Settled { remedy: Remedy::Unclaimed, .. }, .. } => {
            Err(Refusal::FixNotClaimed)
        }
        Situation::Suppressed(_) | Situation::Gone { verdict: Verdict::Suppressed(_), .. } => Err(Refusal::Suppressed),
    }
}

fn request_acceptance(situation: &Situation, wanted: (UserId, Timestamp), event: Event, now: Timestamp) -> Decision {
    match situation {
        Situation::Open { standing: Standing::AcceptanceRequested { by, until, .. }, .. } => {
            if (*by, *until) == wanted { Ok(vec![]) } else { Err(Refusal::AcceptancePending) }
        }
        Situation::Open { standing: Standing::Triaged(_), .. } => {
            let (_, until) = wanted;
            let latest = now.plus(Duration::from_secs(ACCEPTANCE_MAX_DAYS * 24 * 60 * 60));
            if until <= now {
                Err(Refusal::EndNotInFuture)
            } else if until > latest {
                Err(Refusal::EndTooFar)
            } else {
                Ok(vec![event])
            }
        }
        Situation::Suppressed(Suppression::Accepted { .. }) => Err(Refusal::AlreadyAccepted),
        Situation::Suppressed(Suppression::FalsePositive | Suppression::OutOfScope) => Err(Refusal::Suppressed),
        Situation::Gone { .. } => Err(Refusal::NotDetected),
    }
}

fn approve_acceptance(situation: &Situation, by: UserId, now: Timestamp) -> Decision {
    match situation {
        Situation::Open { standing: Standing::AcceptanceRequested { by: requester, until, .. }, .. } => {
            if by == *requester {
                Err(Refusal::DecidedByRequester)
            } else if *until <= now {
                Err(Refusal::RequestRanOut)
            } else {
                Ok(vec![Event::AcceptanceApproved { by }])
            }
        }
        Situation::Suppressed(Suppression::Accepted { .. }) => Ok(vec![]),
        Situation::Open { standing: Standing::Triaged(_), .. }
        | Situation::Suppressed(Suppression::FalsePositive | Suppression::OutOfScope)
        | Situation::Gone { .. } => Err(Refusal::NoAcceptanceRequested),
    }
}

fn decline_acceptance(situation: &Situation, by: UserId, event: Event) -> Decision {
    match situation {
        Situation::Open { standing: Standing::AcceptanceRequested { by: requester, .. }, .. } => {
            if by == *requester {
                Err(Refusal::DecidedByRequester)
            } else {
                Ok(vec![event])
            }
        }
        Situation::Suppressed(Suppression::Accepted { .. }) => Err(Refusal::AlreadyAccepted),
        Situation::Open { standing: Standing::Triaged(_), .. }
        | Situation::Suppressed(Suppression::FalsePositive | Suppression::OutOfScope)
        | Situation::Gone { .. } => Err(Refusal::NoAcceptanceRequested),
    }
}

/// The timer may come late or twice: where nothing can lapse there is nothing to say.
fn lapse_acceptance(situation: &Situation, now: Timestamp) -> Decision {
    match situation.due_at() {
        None => Ok(vec![]),
        Some(until) if now < until => Err(Refusal::NotYetLapsed),
        Some(_) => Ok(vec![Event::AcceptanceLapsed]),
    }
}
