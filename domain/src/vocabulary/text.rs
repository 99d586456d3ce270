//! Bounded texts. A line is trimmed, normalized to NFC and free of control characters; a passage may hold line breaks and
//! tabs, and its line ends become `\n`.
//!
//! NUL is refused everywhere, because Postgres cannot store it. Nothing is cut off silently: what is too long is refused.

use unicode_normalization::UnicodeNormalization;

use super::Invalid;

pub const NAME_MAX_BYTES: usize = 256;
pub const TITLE_MAX_CHARACTERS: usize = 500;
/// Five hundred characters of four bytes each; an escaped one takes two.
pub const TITLE_MAX_BYTES: usize = TITLE_MAX_CHARACTERS * 4;
pub const DESCRIPTION_MAX_BYTES: usize = 16 * 1024;
pub const EVIDENCE_MAX_BYTES: usize = 24 * 1024;
pub const JUSTIFICATION_MAX_BYTES: usize = 4 * 1024;
pub const NOTE_MAX_BYTES: usize = 16 * 1024;
pub const RULE_MAX_BYTES: usize = 512;
pub const LOCATION_MAX_BYTES: usize = 2 * 1024;
pub const TOOL_VERSION_MAX_BYTES: usize = 128;

/// A parsed text with its usual company: `parse`, `as_str`, `Display`, `FromStr`, and serde through `parse`.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(String);

        impl $name {
            pub fn parse(raw: &str) -> Result<Self, $crate::vocabulary::Invalid> {
                let parse: fn(&str) -> Result<String, $crate::vocabulary::Invalid> = $parse;
                parse(raw).map(Self)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::vocabulary::Invalid;

            fn from_str(raw: &str) -> Result<Self, Self::Err> {
                Self::parse(raw)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let raw = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&raw).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use text;

text! {
    /// What people call a thing or themselves.
    Name, |raw| line(raw, NAME_MAX_BYTES)
}
text! {
    /// A finding in one line.
    Title, title
}
text! {
    /// A finding at length.
    Description, |raw| passage(raw, DESCRIPTION_MAX_BYTES)
}
text! {
    /// What a tool saw, word for word apart from its line ends.
    Evidence, |raw| passage(raw, EVIDENCE_MAX_BYTES)
}
text! {
    /// Why somebody decided so.
    Justification, |raw| passage(raw, JUSTIFICATION_MAX_BYTES)
}
text! {
    /// What a colleague should know.
    Note, |raw| passage(raw, NOTE_MAX_BYTES)
}
text! {
    /// The tool's own name for the check that found one weakness: a plugin id, a template, a rule.
    Rule, |raw| line(raw, RULE_MAX_BYTES)
}
text! {
    /// Where on the asset: a path, an URL, a fingerprint of the place. Stable from scan to scan, so never a bare line number.
    Location, |raw| line(raw, LOCATION_MAX_BYTES)
}
text! {
    /// As the tool states it.
    ToolVersion, |raw| line(raw, TOOL_VERSION_MAX_BYTES)
}

/// The bytes a text takes between the quotes of a JSON string.
pub fn encoded_len(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\u{1f}' => 6,
            other => other.len_utf8(),
        })
        .sum()
}

/// One line: trimmed, NFC, no control characters.
pub(super) fn line(raw: &str, max_bytes: usize) -> Result<String, Invalid> {
    let text: String = raw.trim().nfc().collect();
    refuse_controls(&text, "")?;
    bounded(text, max_bytes)
}

/// Many lines: line breaks and tabs are kept, no other control characters.
fn passage(raw: &str, max_bytes: usize) -> Result<String, Invalid> {
    let text = raw.replace("\r\n", "\n").replace('\r', "\n");
    refuse_controls(&text, "\n\t")?;
    if text.trim().is_empty() {
        return Err(empty());
    }
    bounded(text, max_bytes)
}

fn title(raw: &str) -> Result<String, Invalid> {
    let text = line(raw, usize::MAX)?;
    if text.chars().count() > TITLE_MAX_CHARACTERS {
        let detail = format!("must not be longer than {TITLE_MAX_CHARACTERS} characters");
        return Err(Invalid::new("too-long", detail));
    }
    bounded(text, TITLE_MAX_BYTES)
}

fn refuse_controls(text: &str, allowed: &str) -> Result<(), Invalid> {
    match text.chars().find(|c| c.is_control() && !allowed.contains(*c)) {
        None => Ok(()),
        Some(control) => {
            let detail = format!("must not contain the control character U+{:04X}", u32::from(control));
            Err(Invalid::new("control-character", detail))
        }
    }
}

fn bounded(text: String, max_bytes: usize) -> Result<String, Invalid> {
    if text.is_empty() {
        return Err(empty());
    }
    if encoded_len(&text) > max_bytes {
        let detail = format!("must not take more than {max_bytes} bytes as JSON text");
        return Err(Invalid::new("too-long", detail));
    }
    Ok(text)
}

fn empty() -> Invalid {
    Invalid::new("empty", "must not be empty")
}
