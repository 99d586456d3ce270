//! The words all aggregates share, each parsed once into a type that cannot be wrong.
//!
//! Text limits are on the *encoded* size, the bytes a text takes inside a JSON string, so that an event whose every field
//! is at its maximum still fits into 64 KiB. Parsing what a type prints gives the same value again.
//!
//! Nothing here knows where a value came from: HTTP, a scanner's report and a stored event all pass the same door.

mod account;
mod digest;
mod few;
mod ids;
mod invalid;
mod kinds;
mod label;
mod metadata;
mod network;
mod personal;
mod projections;
mod text;
mod time;
mod weakness;

#[cfg(test)]
mod tests;

pub use account::{EMAIL_MAX_BYTES, EmailAddress, LOGIN_NAME_MAX_BYTES, LoginName};
pub use digest::Sha256;
pub use few::{ADDRESSES_MAX, Addresses, CVES_MAX, CVSS_VECTORS_MAX, Cves, CvssVectors, Few};
pub use ids::{
    ApiKeyId, CredentialId, DeviceId, FindingId, InvitationId, OrganizationId, PARTITIONS, ScanId, SessionId, StreamId,
    TenantId, UserId, partition_of,
};
pub use invalid::Invalid;
pub use kinds::{Criticality, Detection, DeviceStatus, Disposition, Remediation, Role, Severity, StreamKind};
pub use label::{LABEL_MAX_BYTES, Label, NETWORK_MAX_BYTES, Network, SLUG_MAX_BYTES, SLUG_MIN_BYTES, Slug};
pub use metadata::{METADATA_MAX_BYTES, METADATA_MAX_ENTRIES, METADATA_NAME_MAX_BYTES, Metadata};
pub use network::{Address, Coordinates, HOST_NAME_MAX_BYTES, HostName, MacAddress, Port, Protocol, Service};
pub use personal::Personal;
pub use projections::{GENERATION_MAX, Generation, Partition, ProjectionName};
pub use text::{
    DESCRIPTION_MAX_BYTES, Description, EVIDENCE_MAX_BYTES, Evidence, JUSTIFICATION_MAX_BYTES, Justification,
    LOCATION_MAX_BYTES, Location, NAME_MAX_BYTES, NOTE_MAX_BYTES, Name, Note, RULE_MAX_BYTES, Rule, TITLE_MAX_BYTES,
    TITLE_MAX_CHARACTERS, TOOL_VERSION_MAX_BYTES, Title, ToolVersion, encoded_len,
};
pub use time::{CLOCK_SKEW_MAX_SECONDS, Timestamp};
pub use weakness::{CVE_MAX_BYTES, CVSS_VECTOR_MAX_BYTES, Cve, CvssScore, CvssVector, PURL_MAX_BYTES, Purl};
