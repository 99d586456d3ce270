//! What a test puts into the log.

use event_schemas::{Actor, Meta, Written, codec};
use serde_json::json;
use uuid::Uuid;

/// Nearly as much as an event may hold.
const LARGE_BYTES: usize = 60 * 1024;
/// A minute before the log begins.
pub(super) const OBSERVED_MICROS: i64 = 1_767_614_340_000_000;

/// What is appended.
pub(super) struct Fact {
    pub tenant: Uuid,
    pub stream: Uuid,
    pub actor: Actor,
    pub type_name: String,
    pub body: Vec<u8>,
    pub meta: Option<Meta>,
}

impl Fact {
    pub(super) fn of(tenant: Uuid, stream: Uuid, written: &Written) -> Self {
        let encoded = codec::encode_written(written).unwrap();
        let (type_name, body) = (encoded.type_name.to_owned(), encoded.body);
        Self { tenant, stream, actor: Actor::Operator, type_name, body, meta: None }
    }

    pub(super) fn json(tenant: Uuid, stream: Uuid, type_name: &str, body: serde_json::Value) -> Self {
        let body = body.to_string().into_bytes();
        Self { tenant, stream, actor: Actor::Operator, type_name: type_name.to_owned(), body, meta: None }
    }

    pub(super) fn by(self, actor: Actor) -> Self {
        Self { actor, ..self }
    }

    pub(super) fn registered(tenant: Uuid, device: Uuid, kind: &str) -> Self {
        let body = json!({"identifiers": {"network": "default", "addresses": ["10.0.0.7", "2001:db8::7"]},
            "profile": {"type": kind, "name": "core", "latitude_e6": 52_520_000}, "criticality": "high", "metadata": {"rack": "4"}});
        Self::json(tenant, device, "device.registered", body)
    }

    pub(super) fn raised(tenant: Uuid, finding: Uuid, device: Option<Uuid>, severity: &str) -> Self {
        let body = json!({"device": device, "type": "open-port", "title": "Port 22 is open", "severity": severity, "tool": "nmap",
            "cves": ["CVE-2024-0001", "CVE-2024-0002"], "cvss": ["CVSS:3.1/AV:N"], "cvss_score_tenths": 75, "evidence": "22/tcp",
            "protocol": "tcp", "port": 22, "observed_at": OBSERVED_MICROS});
        Self::json(tenant, finding, "finding.raised", body)
    }

    /// Nearly as much as an event may hold.
    pub(super) fn large(tenant: Uuid, finding: Uuid) -> Self {
        let body = json!({"type": "open-port", "title": "Port 22 is open", "severity": "low", "tool": "nmap",
            "evidence": "e".repeat(LARGE_BYTES), "observed_at": OBSERVED_MICROS});
        Self::json(tenant, finding, "finding.raised", body)
    }

    /// Bytes that no reader understands.
    pub(super) fn broken(tenant: Uuid, stream: Uuid, type_name: &str) -> Self {
        let body = br#"{"nothing":"of use"}"#.to_vec();
        Self { tenant, stream, actor: Actor::Operator, type_name: type_name.to_owned(), body, meta: None }
    }
}
