//! A weakness as it is first reported. Every field was parsed before; together they fit into one event.

use super::Identity;
use crate::vocabulary::{
    CVE_MAX_BYTES, CVES_MAX, CVSS_VECTOR_MAX_BYTES, CVSS_VECTORS_MAX, Cves, CvssScore, CvssVectors,
    DESCRIPTION_MAX_BYTES, Description, DeviceId, EVIDENCE_MAX_BYTES, Evidence, LABEL_MAX_BYTES, LOCATION_MAX_BYTES,
    Label, Location, METADATA_MAX_BYTES, Metadata, PURL_MAX_BYTES, Purl, RULE_MAX_BYTES, Rule, Service, Severity,
    TITLE_MAX_BYTES, Timestamp, Title,
};

/// What a scanner or a person says about one weakness at one place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// A finding may stand without a device.
    pub device: Option<DeviceId>,
    pub kind: Label,
    pub title: Title,
    pub description: Option<Description>,
    pub severity: Severity,
    pub cves: Cves,
    pub cvss: CvssVectors,
    pub cvss_score: Option<CvssScore>,
    /// The tool's family, not its version or policy: [`Label::manual`] for a person.
    pub tool: Label,
    /// The check that found this one weakness. Not the name of a check that finds many: such a report is known by its CVE.
    pub rule: Option<Rule>,
    pub component: Option<Purl>,
    pub service: Option<Service>,
    pub location: Option<Location>,
    pub evidence: Option<Evidence>,
    pub metadata: Metadata,
    pub observed_at: Timestamp,
}

impl Report {
    /// The least one can say: all else is optional.
    pub fn new(kind: Label, title: Title, severity: Severity, observed_at: Timestamp) -> Self {
        Self {
            device: None,
            kind,
            title,
            description: None,
            severity,
            cves: Cves::default(),
            cvss: CvssVectors::default(),
            cvss_score: None,
            tool: Label::manual(),
            rule: None,
            component: None,
            service: None,
            location: None,
            evidence: None,
            metadata: Metadata::default(),
            observed_at,
        }
    }

    /// What makes this finding the same one the next time; see [`Identity::of`].
    pub fn identity(&self) -> Option<Identity> {
        Identity::of(self)
    }
}

/// What an event may take, however it is written.
const EVENT_MAX_BYTES: usize = 64 * 1024;

/// Field names, punctuation, ids, times and numbers of the written form.
const FRAME_MAX_BYTES: usize = 2 * 1024;

/// A quoted list element and its comma.
const ELEMENT_OVERHEAD_BYTES: usize = 3;

const _: () = assert!(
    FRAME_MAX_BYTES
        + TITLE_MAX_BYTES
        + DESCRIPTION_MAX_BYTES
        + EVIDENCE_MAX_BYTES
        + METADATA_MAX_BYTES
        + CVES_MAX * (CVE_MAX_BYTES + ELEMENT_OVERHEAD_BYTES)
        + CVSS_VECTORS_MAX * (CVSS_VECTOR_MAX_BYTES + ELEMENT_OVERHEAD_BYTES)
        + RULE_MAX_BYTES
        + PURL_MAX_BYTES
        + LOCATION_MAX_BYTES
        + 2 * LABEL_MAX_BYTES
        <= EVENT_MAX_BYTES,
    "a report with every field at its maximum must fit into one event"
);
