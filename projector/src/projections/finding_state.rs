//! A finding's three parts as its events change them, shared by the projections that show or count them. Facts only: what
//! the events say happened did happen, and which of them may follow which is the domain's to decide.

use domain::vocabulary::{Disposition, Remediation, Severity};
use event_schemas::finding::Written;

use crate::rows::Impossible;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FindingState {
    pub severity: Severity,
    pub detected: bool,
    pub disposition: Disposition,
    /// None where it is suppressed: nobody repairs it.
    pub remediation: Option<Remediation>,
    /// What a request or an acceptance comes back to.
    pub triage_before: Option<Disposition>,
}

impl FindingState {
    pub(super) fn raised(severity: &str) -> Result<Self, Impossible> {
        Ok(Self {
            severity: Severity::parse(severity).map_err(|_| Impossible("a severity we do not know"))?,
            detected: true,
            disposition: Disposition::Untriaged,
            remediation: Some(Remediation::Open),
            triage_before: None,
        })
    }

    /// As the read models store it. `rank` is the severity's.
    pub(super) fn from_stored(
        rank: i16,
        detected: bool,
        disposition: &str,
        remediation: Option<&str>,
        triage_before: Option<&str>,
    ) -> Result<Self, Impossible> {
        let unknown = |_| Impossible("a stored state we do not know");
        let severity = Severity::ALL.iter().find(|severity| severity.rank() == rank);
        Ok(Self {
            severity: *severity.ok_or(Impossible("a stored severity we do not know"))?,
            detected,
            disposition: Disposition::parse(disposition).map_err(unknown)?,
            remediation: remediation.map(Remediation::parse).transpose().map_err(unknown)?,
            triage_before: triage_before.map(Disposition::parse).transpose().map_err(unknown)?,
        })
    }

    pub(super) fn after(self, event: &Written) -> Result<Self, Impossible> {
        use {Disposition as D, Remediation as R, Written as W};
        let standing = self.triage_before.unwrap_or(self.disposition);
        Ok(match event {
            W::Raised(raised) => Self::raised(&raised.severity)?,
            W::SeverityChanged(changed) => Self { severity: Self::raised(&changed.severity)?.severity, ..self },
            W::DetectedAgain(_) | W::Reopened(_) => {
                Self { detected: true, remediation: self.unless_suppressed(R::Open), ..self }
            }
            W::Confirmed(_) => Self { remediation: self.remediation.or(Some(R::Open)), ..self.triaged(D::Confirmed) },
            W::MarkedFalsePositive(_) => Self { remediation: None, ..self.triaged(D::FalsePositive) },
            W::MarkedOutOfScope(_) => Self { remediation: None, ..self.triaged(D::OutOfScope) },
            W::WorkStarted(_) => Self { remediation: Some(R::InProgress), ..self },
            W::FixClaimed(_) => Self { remediation: Some(R::ClaimedFixed), ..self },
            W::FixVerified(_) => Self { detected: false, remediation: Some(R::Verified), ..self.without_request() },
            W::Resolved(_) => {
                let left = if self.remediation == Some(R::ClaimedFixed) { R::ClaimedFixed } else { R::Open };
                Self { detected: false, remediation: self.unless_suppressed(left), ..self.without_request() }
            }
            W::AcceptanceRequested(_) => {
                Self { disposition: D::AcceptanceRequested, triage_before: Some(standing), ..self }
            }
            W::AcceptanceApproved(_) => {
                Self { disposition: D::Accepted, remediation: None, triage_before: Some(standing), ..self }
            }
            W::AcceptanceDeclined(_) | W::AcceptanceLapsed(_) => {
                Self { remediation: self.remediation.or(Some(R::Open)), ..self.triaged(standing) }
            }
            W::Assigned(_) | W::Noted(_) => self,
        })
    }

    /// Detected and on somebody's table; while an acceptance is only requested it is.
    pub(super) fn is_open(self) -> bool {
        self.detected && !self.is_suppressed()
    }

    /// An acceptance is asked for or granted.
    pub(super) fn has_acceptance(self) -> bool {
        self.triage_before.is_some()
    }

    fn is_suppressed(self) -> bool {
        match self.disposition {
            Disposition::FalsePositive | Disposition::OutOfScope | Disposition::Accepted => true,
            Disposition::Untriaged | Disposition::Confirmed | Disposition::AcceptanceRequested => false,
        }
    }

    fn unless_suppressed(self, remediation: Remediation) -> Option<Remediation> {
        (!self.is_suppressed()).then_some(remediation)
    }

    fn triaged(self, disposition: Disposition) -> Self {
        Self { disposition, triage_before: None, ..self }
    }

    fn without_request(self) -> Self {
        match (self.disposition, self.triage_before) {
            (Disposition::AcceptanceRequested, Some(before)) => self.triaged(before),
            (_, _) => self,
        }
    }
}
