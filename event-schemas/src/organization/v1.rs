//! Version 1 of what is stored of an organization. Never edited: a change is a new version beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Founded {
    pub slug: String,
    pub name: String,
    #[schemars(extend("enum" = words::PLANS))]
    pub plan: String,
    pub device_limit: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanChanged {
    #[schemars(extend("enum" = words::PLANS))]
    pub plan: String,
    pub device_limit: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suspended {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resumed {}
