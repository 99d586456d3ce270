//! Version 1 of what is stored of a scanner's key; the key's hash is in a side table. Never edited: a change is a new
//! version beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Issued {
    pub name: String,
    /// The part of the key that finds it, not the part that proves it.
    pub public_id: String,
    #[schemars(extend("enum" = words::KEY_PURPOSES))]
    pub purpose: String,
    /// Microseconds since 1970, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revoked {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expired {}
