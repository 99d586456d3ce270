//! Version 1 of what is stored of a device. Never edited: a change is a new version beside it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Registered {
    pub identifiers: Identifiers,
    pub profile: Profile,
    #[schemars(extend("enum" = words::CRITICALITIES))]
    pub criticality: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// What tells this device from others, now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct IdentifiersChanged {
    pub identifiers: Identifiers,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReported {
    #[schemars(extend("enum" = words::DEVICE_STATUSES))]
    pub status: String,
    /// Microseconds since 1970, UTC.
    pub seen_at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retired {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identifiers {
    /// Private address ranges overlap between sites, so an address is unique within its network only.
    pub network: String,
    /// IPv4 and IPv6 in canonical text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Millionths of a degree, so that no reader rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -90_000_000, max = 90_000_000))]
    pub latitude_e6: Option<i32>,
    /// Millionths of a degree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -180_000_000, max = 180_000_000))]
    pub longitude_e6: Option<i32>,
}
