//! Why a text or number is not what it should be. It says nothing of where it stood: the edge knows the field.

/// A value that could not be parsed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{detail}")]
pub struct Invalid {
    /// Stable, in kebab case; clients match on it.
    pub code: &'static str,
    /// A sentence for the person who sent it. Never repeats the value.
    pub detail: String,
}

impl Invalid {
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}
