//! What makes two reports speak of the same finding. It never looks at severity, title, description, line or time: those
//! are attributes, and a weakness that is scored anew is still the same weakness.
//!
//! Version 1 is the SHA-256 over four fields, each written as its length in bytes (four bytes, big-endian) and then its
//! UTF-8 bytes in NFC; what is absent is an empty field:
//!
//! 1. the tool family;
//! 2. `rule:` and the tool's rule; else `cve:` and the CVEs, sorted and joined by commas;
//! 3. `purl:` and the component; else `port:` and port and protocol, `443/tcp`;
//! 4. the location.
//!
//! A report that names no rule, no CVE and no location has no identity: nothing tells it from the next, so it gets a
//! random id.
//!
//! The id of the finding's stream is the UUIDv5 in [`NAMESPACE`] over the tenant's sixteen bytes, the device's sixteen
//! (zeros without a device) and the digest.
//!
//! Test vector: tool `nmap`, CVE `CVE-2021-44228`, port 443/tcp, no location has the digest
//! `4fad7cc65fbd24c536e8f520c933392d5b8f197dace5965ae86e06a934c0fc06`; in tenant
//! `00000000-0000-7000-8000-000000000002` on device `00000000-0000-7000-8000-000000000003` it is the finding
//! `17dfc403-9b9e-5252-8316-0440a6ee7e9f`.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use uuid::{Uuid, uuid};

use super::Report;
use crate::vocabulary::{DeviceId, FindingId, Sha256, TenantId};

/// The only algorithm there is so far.
pub const IDENTITY_VERSION: u16 = 1;

/// Of finding ids. Changing it would raise every finding anew.
pub const NAMESPACE: Uuid = uuid!("6f0d6d0e-7c0b-4c55-9a3e-52a1c4a7d9b1");

/// The version is stored with each finding, so that a later one can link old and new.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Identity {
    pub version: u16,
    pub digest: Sha256,
}

impl Identity {
    pub fn of(report: &Report) -> Option<Self> {
        let key = rule_or_cves(report);
        let location = report.location.as_ref().map_or("", |location| location.as_str());
        if key.is_empty() && location.is_empty() {
            return None;
        }
        let fields = [report.tool.as_str(), &key, &component_or_service(report), location];
        Some(Self { version: IDENTITY_VERSION, digest: digest(fields) })
    }
}

impl FindingId {
    /// Where every scanner that sees this weakness meets.
    pub fn natural(tenant: TenantId, device: Option<DeviceId>, identity: &Identity) -> Self {
        let device = device.map_or(Uuid::nil(), DeviceId::uuid);
        let mut name = Vec::with_capacity(64);
        name.extend_from_slice(tenant.uuid().as_bytes());
        name.extend_from_slice(device.as_bytes());
        name.extend_from_slice(identity.digest.bytes());
        Self::new(Uuid::new_v5(&NAMESPACE, &name))
    }
}

fn rule_or_cves(report: &Report) -> String {
    match &report.rule {
        Some(rule) => format!("rule:{rule}"),
        None if report.cves.is_empty() => String::new(),
        None => {
            let cves: Vec<&str> = report.cves.iter().map(|cve| cve.as_str()).collect();
            format!("cve:{}", cves.join(","))
        }
    }
}

fn component_or_service(report: &Report) -> String {
    match (&report.component, &report.service) {
        (Some(purl), _) => format!("purl:{purl}"),
        (None, Some(service)) => format!("port:{service}"),
        (None, None) => String::new(),
    }
}

/// The lengths keep `ab` + `c` apart from `a` + `bc`.
fn digest(fields: [&str; 4]) -> Sha256 {
    let mut written = Vec::new();
    for field in fields {
        let normal: String = field.nfc().collect();
        written.extend_from_slice(&(normal.len() as u32).to_be_bytes());
        written.extend_from_slice(normal.as_bytes());
    }
    Sha256::of(&written)
}
