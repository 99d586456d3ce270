//! The part of a key that may be shown, logged and searched for. It opens nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::vocabulary::Invalid;

pub const PUBLIC_ID_BYTES: usize = 12;

/// Twelve characters of `[0-9A-Za-z]`: the middle of `snk_<public id>_<secret>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicId(String);

impl PublicId {
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.len() == PUBLIC_ID_BYTES && raw.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(Self(raw.to_owned()));
        }
        let detail = format!("must be {PUBLIC_ID_BYTES} of 0-9, A-Z and a-z");
        Err(Invalid::new("malformed-public-id", detail))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PublicId {
    type Error = Invalid;

    fn try_from(raw: String) -> Result<Self, Invalid> {
        Self::parse(&raw)
    }
}

impl From<PublicId> for String {
    fn from(id: PublicId) -> Self {
        id.0
    }
}
