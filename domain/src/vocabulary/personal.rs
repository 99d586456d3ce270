//! What belongs to a person and may have been forgotten. How it is sealed is no business of the domain.

use std::fmt;

/// A personal value: in the clear when a command brings it, withheld when an event is read back from the log.
#[derive(Clone, PartialEq, Eq)]
pub enum Personal<T> {
    Clear(T),
    Withheld,
}

impl<T> Personal<T> {
    pub fn clear(&self) -> Option<&T> {
        match self {
            Self::Clear(value) => Some(value),
            Self::Withheld => None,
        }
    }
}

/// Redacted, because debug output ends in logs.
impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clear(_) => "Clear(…)",
            Self::Withheld => "Withheld",
        })
    }
}
