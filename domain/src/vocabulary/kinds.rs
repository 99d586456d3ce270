//! The closed lists: kinds of streams, roles, severities, criticalities, states of devices and findings. Each has one spelling outside the program.

/// A closed list with its outside spelling: `as_str`, `parse`, `ALL`, `Display`.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident as $code:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }

            pub fn parse(text: &str) -> Result<Self, $crate::vocabulary::Invalid> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::vocabulary::Invalid::new($code, concat!("must be one of" $(, " ", $text)+))),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::vocabulary::Invalid;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }
    };
}
pub(crate) use named;

named! {
    /// What a stream is about.
    StreamKind as "unknown-stream-kind" {
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

named! {
    /// What a person may do in their organization.
    Role as "unknown-role" {
        Administrator = "administrator",
        Analyst = "analyst",
        Auditor = "auditor",
        Viewer = "viewer",
    }
}

named! {
    /// How bad a finding is. Unknown is kept apart from info: a tool that says nothing has not said "harmless".
    Severity as "unknown-severity" {
        Unknown = "unknown",
        Info = "info",
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    }
}

named! {
    /// How much hangs on a device; medium when nobody said otherwise.
    #[derive(Default)]
    Criticality as "unknown-criticality" {
        Low = "low",
        #[default]
        Medium = "medium",
        High = "high",
        Critical = "critical",
    }
}

named! {
    /// Whether a device answered when it was last looked at.
    DeviceStatus as "unknown-device-status" {
        Up = "up",
        Down = "down",
        Unknown = "unknown",
    }
}

named! {
    /// Whether a finding is there.
    Detection as "unknown-detection" {
        Detected = "detected",
        NotDetected = "not-detected",
    }
}

named! {
    /// What people have decided about a finding.
    Disposition as "unknown-disposition" {
        Untriaged = "untriaged",
        Confirmed = "confirmed",
        FalsePositive = "false-positive",
        OutOfScope = "out-of-scope",
        AcceptanceRequested = "acceptance-requested",
        Accepted = "accepted",
    }
}

named! {
    /// How far the repair of a finding has come.
    Remediation as "unknown-remediation" {
        Open = "open",
        InProgress = "in-progress",
        ClaimedFixed = "claimed-fixed",
        Verified = "verified",
    }
}

impl Severity {
    /// For sorting where a stored key is needed: the worse, the higher.
    pub const fn rank(self) -> i16 {
        match self {
            Self::Unknown => 0,
            Self::Info => 1,
            Self::Low => 2,
            Self::Medium => 3,
            Self::High => 4,
            Self::Critical => 5,
        }
    }
}
