//! The words of the answers and of the filters, each with its written form.
//!
//! Another crate has the rules behind these words; here they are only read, compared and shown.

use serde::Serialize;
use utoipa::ToSchema;

use crate::parameters::Fault;

/// Declares an enum of words: one list gives the variants, their written form and the filter's parser.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:tt),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema, sqlx::Type)]
        #[sqlx(type_name = "text")]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] #[sqlx(rename = $text)] $variant,)+
        }

        impl $name {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            pub fn parse(text: &str) -> Result<Self, Fault> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(Fault::new("unknown-value", concat!("must be one of" $(, " ", $text)+))),
                }
            }
        }
    };
}

words! {
    /// How bad a finding is.
    Severity {
        Critical = "critical",
        High = "high",
        Medium = "medium",
        Low = "low",
        Info = "info",
        Unknown = "unknown",
    }
}

words! {
    /// What people decided about a finding.
    Disposition {
        Untriaged = "untriaged",
        Confirmed = "confirmed",
        FalsePositive = "false-positive",
        OutOfScope = "out-of-scope",
        AcceptanceRequested = "acceptance-requested",
        Accepted = "accepted",
    }
}

words! {
    /// How far the repair is.
    Remediation {
        Open = "open",
        InProgress = "in-progress",
        ClaimedFixed = "claimed-fixed",
        Verified = "verified",
    }
}

words! {
    /// What a finding's three-part state comes down to, for a list or a badge; see [`Status::of`].
    Status {
        New = "new",
        Open = "open",
        InProgress = "in-progress",
        Suppressed = "suppressed",
        Resolved = "resolved",
    }
}

words! {
    /// What a generation of a projection is for.
    GenerationState {
        /// Folds the log from its beginning.
        Filling = "filling",
        /// Can be switched to.
        Ready = "ready",
        /// What queries read.
        Live = "live",
        /// Was live, and goes on.
        Standby = "standby",
        /// A partial fold to compare with.
        Scratch = "scratch",
        /// Gone.
        Retired = "retired",
    }
}

words! {
    /// What is done to a projection.
    OperationKind {
        Rebuild = "rebuild",
        Switch = "switch",
        Retire = "retire",
        Pause = "pause",
        Resume = "resume",
        Verify = "verify",
        Repair = "repair",
        Retry = "retry",
        Skip = "skip",
    }
}

words! {
    /// How far an operation is.
    OperationState {
        Requested = "requested",
        Running = "running",
        Done = "done",
        Failed = "failed",
    }
}

words! {
    /// The order of a list of findings.
    FindingOrder {
        /// Worst first.
        Severity = "severity",
        /// Latest change first.
        LastChange = "last_change",
    }
}

words! {
    /// What may happen to an object.
    ObjectKind {
        Organization = "organization",
        User = "user",
        Session = "session",
        ApiKey = "api-key",
        Access = "access",
        Device = "device",
        Finding = "finding",
        Scan = "scan",
        Projection = "projection",
    }
}

words! {
    /// Whether a device was last seen to be up.
    DeviceStatus { Up = "up", Down = "down", Unknown = "unknown" }
}

words! {
    /// How much depends on a device.
    Criticality { Low = "low", Medium = "medium", High = "high", Critical = "critical" }
}

words! {
    /// What a user may do.
    UserRole { Administrator = "administrator", Analyst = "analyst", Auditor = "auditor", Viewer = "viewer" }
}

words! {
    /// Whether a user can log in.
    UserStatus { Invited = "invited", Active = "active", Disabled = "disabled" }
}

words! {
    /// Whether a key opens anything.
    KeyStatus { Active = "active", Revoked = "revoked", Expired = "expired" }
}

words! {
    /// What an organization pays for.
    Plan { Free = "free", Team = "team", Enterprise = "enterprise" }
}

words! {
    /// Whether an organization's people may log in.
    OrganizationStatus { Active = "active", Suspended = "suspended" }
}

impl Severity {
    pub const ALL: [Self; 6] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info, Self::Unknown];

    /// The stored rank: the worse, the higher.
    pub const fn rank(self) -> i16 {
        match self {
            Self::Critical => 5,
            Self::High => 4,
            Self::Medium => 3,
            Self::Low => 2,
            Self::Info => 1,
            Self::Unknown => 0,
        }
    }

    /// The table allows the ranks from 0 to 5 only.
    pub fn from_rank(rank: i16) -> Self {
        Self::ALL.into_iter().find(|severity| severity.rank() == rank).unwrap_or(Self::Unknown)
    }
}

impl Disposition {
    pub const ALL: [Self; 6] = [
        Self::Untriaged,
        Self::Confirmed,
        Self::FalsePositive,
        Self::OutOfScope,
        Self::AcceptanceRequested,
        Self::Accepted,
    ];
}

impl Status {
    /// | status | when |
    /// |---|---|
    /// | resolved | not detected any more |
    /// | suppressed | else: false positive, out of scope or accepted |
    /// | in-progress | else: somebody works on it or claims to have fixed it |
    /// | new | else: nobody has judged it yet |
    /// | open | else: confirmed, or somebody asks to accept it |
    pub const fn of(detected: bool, disposition: Disposition, remediation: Option<Remediation>) -> Self {
        if !detected {
            return Self::Resolved;
        }
        let unrepaired = match disposition {
            Disposition::FalsePositive | Disposition::OutOfScope | Disposition::Accepted => return Self::Suppressed,
            Disposition::Untriaged => Self::New,
            Disposition::Confirmed | Disposition::AcceptanceRequested => Self::Open,
        };
        match remediation {
            Some(Remediation::InProgress | Remediation::ClaimedFixed) => Self::InProgress,
            // Only what is gone can be verified, so that no detected finding is.
            Some(Remediation::Open | Remediation::Verified) | None => unrepaired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_reads_back_as_its_severity() {
        for severity in Severity::ALL {
            assert_eq!(Severity::from_rank(severity.rank()), severity);
        }
    }

    #[test]
    fn the_status_follows_from_the_three_parts() {
        let status = Status::of;
        assert_eq!(status(true, Disposition::Untriaged, Some(Remediation::Open)), Status::New);
        assert_eq!(status(true, Disposition::Confirmed, Some(Remediation::Open)), Status::Open);
        assert_eq!(status(true, Disposition::AcceptanceRequested, Some(Remediation::Open)), Status::Open);
        assert_eq!(status(true, Disposition::Untriaged, Some(Remediation::InProgress)), Status::InProgress);
        assert_eq!(status(true, Disposition::Confirmed, Some(Remediation::ClaimedFixed)), Status::InProgress);
        assert_eq!(status(true, Disposition::Accepted, None), Status::Suppressed);
        assert_eq!(status(false, Disposition::Accepted, None), Status::Resolved);
        assert_eq!(status(false, Disposition::Confirmed, Some(Remediation::Verified)), Status::Resolved);
    }

    #[test]
    fn a_word_reads_back_as_written_and_a_strange_one_is_a_fault() {
        assert_eq!(Disposition::parse("false-positive"), Ok(Disposition::FalsePositive));
        assert_eq!(Disposition::FalsePositive.as_str(), "false-positive");
        assert!(Disposition::parse("False-Positive").is_err());
    }
}
