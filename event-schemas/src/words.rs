//! The closed word lists and text forms that stored events use, as their JSON Schemas state them. A test holds the
//! lists equal to the domain's vocabulary; nothing here parses.

pub(crate) const PLANS: [&str; 3] = ["free", "team", "enterprise"];
pub(crate) const ROLES: [&str; 4] = ["administrator", "analyst", "auditor", "viewer"];
pub(crate) const SCANNER: &str = "scanner";
pub(crate) const KEY_PURPOSES: [&str; 1] = [SCANNER];
pub(crate) const LOG_IN_FAILURES: [&str; 4] =
    ["unknown-account", "wrong-password", "not-active", "organization-suspended"];
pub(crate) const CRITICALITIES: [&str; 4] = ["low", "medium", "high", "critical"];
pub(crate) const DEVICE_STATUSES: [&str; 3] = ["up", "down", "unknown"];
pub(crate) const SEVERITIES: [&str; 6] = ["critical", "high", "medium", "low", "info", "unknown"];

/// SHA-256 or HMAC-SHA-256 in lower-case hex.
pub(crate) const SHA256_HEX: &str = "^[0-9a-f]{64}$";
