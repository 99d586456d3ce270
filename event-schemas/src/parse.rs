//! From primitive stored fields into the domain's vocabulary, with the field's name in the fault.

use std::fmt::Display;

use domain::vocabulary::Invalid;
use serde_json::error::Category;

/// The bytes are JSON of a known type and version, yet not an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", if .field.is_empty() { "the body" } else { .field })]
pub struct Broken {
    /// JSON pointer of the field within the body, empty where the whole is meant.
    pub field: &'static str,
    pub reason: String,
}

impl Broken {
    pub(crate) fn new(field: &'static str, reason: impl Display) -> Self {
        Self { field, reason: reason.to_string() }
    }

    /// serde's own text repeats values, and what is stored may be nobody's business; its place is enough to look it up.
    pub(crate) fn json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        match error.classify() {
            Category::Data if text.starts_with("missing field") => Self::new("", text),
            Category::Data => Self::new("", format_args!("a wrong value before column {}", error.column())),
            Category::Io | Category::Syntax | Category::Eof => {
                Self::new("", format_args!("no JSON from column {}", error.column()))
            }
        }
    }

    pub(crate) fn of_another_kind(expected: &str, found: &str) -> Self {
        Self::new("", format_args!("{found} is no event of {expected}"))
    }
}

pub(crate) fn text<T>(field: &'static str, raw: &str, parse: fn(&str) -> Result<T, Invalid>) -> Result<T, Broken> {
    parse(raw).map_err(|invalid| Broken::new(field, invalid))
}

pub(crate) fn optional<T>(
    field: &'static str,
    raw: Option<&String>,
    parse: fn(&str) -> Result<T, Invalid>,
) -> Result<Option<T>, Broken> {
    raw.map(|raw| text(field, raw, parse)).transpose()
}

/// Every element of a list, or the first that is broken.
pub(crate) fn each<T>(
    field: &'static str,
    raw: &[String],
    parse: fn(&str) -> Result<T, Invalid>,
) -> Result<Vec<T>, Broken> {
    raw.iter().map(|raw| text(field, raw, parse)).collect()
}

pub(crate) fn in_field(field: &'static str) -> impl Fn(Invalid) -> Broken {
    move |invalid| Broken::new(field, invalid)
}
