//! Version 1 of what is stored of failed log-ins and refused rights. What was typed as a user name is a keyed hash only:
//! it may be a password or a stranger's address. Never edited: a change is a new version beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogInFailed {
    #[schemars(regex(pattern = words::SHA256_HEX))]
    pub account_hash: String,
    #[schemars(extend("enum" = words::LOG_IN_FAILURES))]
    pub reason: String,
}

/// Many failures of one account, counted instead of told one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogInsFailed {
    #[schemars(regex(pattern = words::SHA256_HEX))]
    pub account_hash: String,
    pub count: u64,
    /// Microseconds since 1970, UTC.
    pub from: i64,
    /// Microseconds since 1970, UTC.
    pub until: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Denied {
    /// Method and route template: `POST /v1/findings`.
    pub operation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// Many refusals of one operation, counted instead of told one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Denials {
    /// Method and route template: `POST /v1/findings`.
    pub operation: String,
    pub count: u64,
    /// Microseconds since 1970, UTC.
    pub from: i64,
    /// Microseconds since 1970, UTC.
    pub until: i64,
}
