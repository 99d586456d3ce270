//! Version 1 of what is stored of a user. Personal fields are sealed under the user's own key. Never edited: a change is
//! a new version beside it.

use schemars::JsonSchema;
use sealed::Field;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::words;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Invited {
    pub login: Field,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Field>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Field>,
    #[schemars(extend("enum" = words::ROLES))]
    pub role: String,
    /// Names the row that holds the hash of the single-use link.
    pub invitation: Uuid,
    /// Microseconds since 1970, UTC.
    pub expires_at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// Names the row that holds the password's hash.
    pub credential: Uuid,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleSet {
    #[schemars(extend("enum" = words::ROLES))]
    pub role: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disabled {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Enabled {}
