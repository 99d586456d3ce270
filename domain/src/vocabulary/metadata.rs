//! Free properties a client may attach: an ordered map of texts, bounded in number and in encoded size.

use std::collections::BTreeMap;

use super::{Invalid, encoded_len, text::line};

pub const METADATA_MAX_ENTRIES: usize = 64;
/// Of the whole map as a JSON object.
pub const METADATA_MAX_BYTES: usize = 8 * 1024;
pub const METADATA_NAME_MAX_BYTES: usize = 128;

/// `"":"",` around each entry; the braces make up for the last comma.
const ENTRY_OVERHEAD_BYTES: usize = 6;
const BRACES_BYTES: usize = 2;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    pub fn parse(entries: impl IntoIterator<Item = (String, String)>) -> Result<Self, Invalid> {
        let mut map = BTreeMap::new();
        let mut bytes = BRACES_BYTES;
        for (name, value) in entries {
            let name = line(&name, METADATA_NAME_MAX_BYTES)
                .map_err(|invalid| Invalid::new(invalid.code, format!("a name {}", invalid.detail)))?;
            refuse_controls(&value)?;
            bytes += ENTRY_OVERHEAD_BYTES + encoded_len(&name) + encoded_len(&value);
            if map.len() == METADATA_MAX_ENTRIES {
                let detail = format!("must not have more than {METADATA_MAX_ENTRIES} entries");
                return Err(Invalid::new("too-many-entries", detail));
            }
            if bytes > METADATA_MAX_BYTES {
                let detail = format!("must not take more than {METADATA_MAX_BYTES} bytes as JSON text");
                return Err(Invalid::new("too-long", detail));
            }
            if map.insert(name, value).is_some() {
                return Err(Invalid::new("duplicate-name", "must not use a name twice"));
            }
        }
        Ok(Self(map))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

fn refuse_controls(value: &str) -> Result<(), Invalid> {
    if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        let detail = "a value must not contain control characters other than line breaks and tabs";
        return Err(Invalid::new("control-character", detail));
    }
    Ok(())
}
