//! Facts into state. A pair that cannot have happened is corruption and reported as such; nothing is refused for a rule.

use super::{Finding, Known, Remedy, Situation, Standing, Suppression, Triage, Verdict, Work};
use crate::{
    decider::ImpossibleHistory,
    finding::Event,
    vocabulary::{Timestamp, UserId},
};

pub(in crate::finding) fn evolve(finding: Finding, event: &Event) -> Result<Finding, ImpossibleHistory> {
    match (finding, event) {
        (Finding::Unraised, Event::Raised { report, .. }) => Ok(Finding::Known(Known {
            device: report.device,
            tool: report.tool.clone(),
            severity: report.severity,
            assignee: None,
            situation: open(Triage::Untriaged, Work::Open),
        })),
        (Finding::Known(known), event) => evolve_known(known, event).map(Finding::Known),
        (Finding::Unraised, event) => Err(ImpossibleHistory::of(&Finding::Unraised, event)),
    }
}

/// One line per event; below, one function per event says where it leads, and nothing where it cannot have happened.
fn evolve_known(known: Known, event: &Event) -> Result<Known, ImpossibleHistory> {
    use Event as E;
    let before = known.situation;
    let after = match event {
        E::SeverityChanged { severity, .. } => return Ok(Known { severity: *severity, ..known }),
        E::Assigned { assignee } => return Ok(Known { assignee: *assignee, ..known }),
        E::Noted { .. } => return Ok(known),
        E::Raised { .. } => None,
        E::DetectedAgain { .. } | E::Reopened { .. } => come_back(before),
        E::Confirmed => confirm(before),
        E::MarkedFalsePositive { .. } => Some(suppress(before, Suppression::FalsePositive)),
        E::MarkedOutOfScope { .. } => Some(suppress(before, Suppression::OutOfScope)),
        E::WorkStarted => start(before),
        E::FixClaimed { .. } => claim(before),
        E::FixVerified { at } => verify(before, *at),
        E::AcceptanceRequested { by, until, .. } => request(before, *by, *until),
        E::AcceptanceApproved { .. } => approve(before),
        E::AcceptanceDeclined { .. } => decline(before),
        E::AcceptanceLapsed => lapse(before),
        E::Resolved { at, .. } => resolve(before, *at),
    };
    match after {
        Some(situation) => Ok(Known { situation, ..known }),
        None => Err(ImpossibleHistory::of(&before, event)),
    }
}

/// It is there again: the repair starts over, but what was suppressed stays so.
fn come_back(situation: Situation) -> Option<Situation> {
    match situation {
        Situation::Gone { verdict: Verdict::Settled { triage, .. }, .. } => Some(open(triage, Work::Open)),
        Situation::Gone { verdict: Verdict::Suppressed(suppression), .. } => Some(Situation::Suppressed(suppression)),
        Situation::Open { .. } | Situation::Suppressed(_) => None,
    }
}

fn confirm(situation: Situation) -> Option<Situation> {
    match situation {
        Situation::Open { standing: Standing::Triaged(_), work } => Some(open(Triage::Confirmed, work)),
        Situation::Open { standing: Standing::AcceptanceRequested { .. }, .. } => None,
        Situation::Suppressed(_) => Some(open(Triage::Confirmed, Work::Open)),
        Situation::Gone { since, verdict: Verdict::Settled { remedy, .. } } => {
            Some(gone(since, Triage::Confirmed, remedy))
        }
        Situation::Gone { since, verdict: Verdict::Suppressed(_) } => {
            Some(gone(since, Triage::Confirmed, Remedy::Unclaimed))
        }
    }
}

fn suppress(situation: Situation, suppression: Suppression) -> Situation {
    match situation {
        Situation::Open { .. } | Situation::Suppressed(_) => Situation::Suppressed(suppression),
        Situation::Gone { since, .. } => Situation::Gone { since, verdict: Verdict::Suppressed(suppression) },
    }
}

fn start(situation: Situation) -> Option<Situation> {
    match situation {
        Situation::Open { standing, .. } => Some(Situation::Open { standing, work: Work::InProgress }),
        Situation::Suppressed(_) | Situation::Gone { .. } => None,
    }
}

fn claim(situation: Situation) -> Option<Situation> {
    match situation {
        Situation::Open { standing, .. } => Some(Situation::Open { standing, work: Work::ClaimedFixed }),
        Situation::Gone { since, verdict: Verdict::Settled { triage, .. } } => {
            Some(gone(since, triage, Remedy::ClaimedFixed))
        }
        Situation::Suppressed(_) | Situation::Gone { verdict: Verdict::Suppressed(_), .. } => None,
    }
}

fn verify(situation: Situation, at: Timestamp) -> Option<Situation> {
    match situation {
        Situation::Open { standing, .. } => Some(gone(at, standing.triage(), Remedy::Verified)),
        Situation::Gone { since, verdict: Verdict::Settled { triage, .. } } => {
            Some(gone(since, triage, Remedy::Verified))
        }
        Situation::Suppressed(_) | Situation::Gone { verdict: Verdict::Suppressed(_), .. } => None,
    }
}

fn request(situation: Situation, by: UserId, until: Timestamp) -> Option<Situation> {
    match situation {
        Situation::Open { standing, work } => {
            let standing = Standing::AcceptanceRequested { by, until, before: standing.triage() };
            Some(Situation::Open { standing, work })
        }
        Situation::Suppressed(_) | Situation::Gone { .. } => None,
    }
}

fn approve(situation: Situation) -> Option<Situation> {
    match situation {
        Situation::Open { standing: Standing::AcceptanceRequested { until, before, .. }, .. } => {
            Some(Situation::Suppressed(Suppression::Accepted { until, before }))
        }
        Situation::Open { standing: Standing::Triaged(_), .. } | Situation::Suppressed(_) | Situation::Gone { .. } => {
            None
        }
    }
}

fn decline(situation: Situation) -> Option<Situation> {
    match situation {
        Situation::Open { standing: Standing::AcceptanceRequested { before, .. }, work } => Some(open(before, work)),
        Situation::Open { standing: Standing::Triaged(_), .. } | Situation::Suppressed(_) | Situation::Gone { .. } => {
            None
        }
    }
}

fn lapse(situation: Situation) -> Option<Situation> {
    match situation {
        Situation::Open { standing: Standing::AcceptanceRequested { before, .. }, work } => Some(open(before, work)),
        Situation::Suppressed(Suppression::Accepted { before, .. }) => Some(open(before, Work::Open)),
        Situation::Gone { since, verdict: Verdict::Suppressed(Suppression::Accepted { before, .. }) } => {
            Some(gone(since, before, Remedy::Unclaimed))
        }
        Situation::Open { standing: Standing::Triaged(_), .. }
        | Situation::Suppressed(Suppression::FalsePositive | Suppression::OutOfScope)
        | Situation::Gone {
            verdict: Verdict::Settled { .. } | Verdict::Suppressed(Suppression::FalsePositive | Suppression::OutOfScope),
            ..
        } => None,
    }
}

/// Work in progress on something gone is over; a claim still waits to be verified.
fn resolve(situation: Situation, at: Timestamp) -> Option<Situation> {
    match situation {
        Situation::Open { standing, work: Work::Open | Work::InProgress } => {
            Some(gone(at, standing.triage(), Remedy::Unclaimed))
        }
        Situation::Open { standing, work: Work::ClaimedFixed } => {
            Some(gone(at, standing.triage(), Remedy::ClaimedFixed))
        }
        Situation::Suppressed(suppression) => {
            Some(Situation::Gone { since: at, verdict: Verdict::Suppressed(suppression) })
        }
        Situation::Gone { .. } => None,
    }
}

fn open(triage: Triage, work: Work) -> Situation {
    Situation::Open { standing: Standing::Triaged(triage), work }
}

fn gone(since: Timestamp, triage: Triage, remedy: Remedy) -> Situation {
    Situation::Gone { since, verdict: Verdict::Settled { triage, remedy } }
}
