//! One thing that was looked at: how bad it is, what it is about, and what mends it.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Fine,
    /// Worth knowing, nothing to mend.
    Note,
    Warning,
    Bad,
}

impl Level {
    pub(super) const fn exit_code(self) -> u8 {
        match self {
            Self::Fine | Self::Note => 0,
            Self::Warning => 1,
            Self::Bad => 2,
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Note => "note",
            Self::Warning => "warn",
            Self::Bad => "BAD",
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) check: &'static str,
    /// A table, a role, a setting.
    pub(super) subject: String,
    pub(super) says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<String>,
}

impl Finding {
    pub(super) fn fine(check: &'static str) -> Self {
        Self::new(Level::Fine, check, "", "nothing amiss".to_owned())
    }

    pub(super) fn note(check: &'static str, subject: impl Into<String>, says: String) -> Self {
        Self::new(Level::Note, check, subject, says)
    }

    pub(super) fn warning(check: &'static str, subject: impl Into<String>, says: String) -> Self {
        Self::new(Level::Warning, check, subject, says)
    }

    pub(super) fn bad(check: &'static str, subject: impl Into<String>, says: String) -> Self {
        Self::new(Level::Bad, check, subject, says)
    }

    /// What could not be looked at is not known to be well.
    pub(super) fn unanswered(check: &'static str, error: &sqlx::Error) -> Self {
        Self::bad(check, "", format!("it could not be looked at: {error}"))
            .mend("run `securenet setup`, which gives the role doctor its rights, and look again")
    }

    pub(super) fn mend(mut self, line: impl Into<String>) -> Self {
        self.mend = Some(line.into());
        self
    }

    fn new(level: Level, check: &'static str, subject: impl Into<String>, says: String) -> Self {
        Self { level, check, subject: subject.into(), says, mend: None }
    }
}
