//! What a host's ports amount to: exposures and weaknesses.
//!
//! Pure, and it never decides whether a finding is new; that follows from its identity when it is raised.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write,
};

use domain::vocabulary::{Cve, Severity};

use crate::{
    report::{FindingObservation, severity_of},
    xml::cut,
};

use super::{
    TOOL,
    observation::{HostObservation, PortObservation, PortState, Service, VulnersResult},
};

/// The rule of every open port; with protocol and port it is the finding's identity.
pub const OPEN_PORT: &str = "open-port";
pub const VULNERABILITY: &str = "vulnerability";
/// How much of a product's name a title may carry.
const TITLE_PART_MAX_BYTES: usize = 160;
const EVIDENCE_MAX_BYTES: usize = 4096;

/// An open port is an exposure, and what `vulners` says about it are weaknesses. A port that is `open|filtered` has not
/// answered and gives neither.
pub fn findings(host: &HostObservation) -> Vec<FindingObservation> {
    let mut findings = Vec::new();
    let mut seen = HashSet::new();
    for port in host.ports.iter().filter(|port| is_open_port(port)) {
        if seen.insert((port.protocol.as_str(), port.port)) {
            findings.push(exposure(port));
        }
        weaknesses(port, &mut findings);
    }
    findings
}

/// A scan for IP protocols (`-sO`) also lists what it found as ports, but nothing listens there.
fn is_open_port(port: &PortObservation) -> bool {
    use domain::vocabulary::Protocol;
    let carries_ports = match port.protocol {
        Protocol::Tcp | Protocol::Udp | Protocol::Sctp => true,
        Protocol::Icmp | Protocol::Ip => false,
    };
    carries_ports && port.state == PortState::Open
}

fn exposure(port: &PortObservation) -> FindingObservation {
    let mut title = format!("Open port {}", place(port));
    if let Some(name) = port.service.as_deref().and_then(name_of) {
        let _ = write!(title, " ({name})");
    }
    FindingObservation {
        kind: OPEN_PORT,
        tool: TOOL,
        rule: OPEN_PORT.to_owned(),
        protocol: Some(port.protocol),
        port: Some(port.port),
        title,
        severity: Severity::Info,
        cves: Vec::new(),
        cvss_score: None,
        evidence: port.service.as_deref().and_then(described),
    }
}

/// One finding for each id, however many of the port's products it was reported for, with the highest score.
fn weaknesses(port: &PortObservation, findings: &mut Vec<FindingObservation>) {
    let mut by_id: HashMap<&str, Vec<&VulnersResult>> = HashMap::new();
    let mut order = Vec::new();
    for result in &port.vulners {
        let same = by_id.entry(&result.id).or_default();
        if same.is_empty() {
            order.push(result.id.as_str());
        }
        same.push(result);
    }
    let results = order.iter().filter_map(|id| by_id.get(id));
    findings.extend(results.map(|same| weakness(port, same)));
}

fn weakness(port: &PortObservation, same: &[&VulnersResult]) -> FindingObservation {
    let id = same.first().map(|result| result.id.clone()).unwrap_or_default();
    let score = same.iter().filter_map(|result| result.cvss_score).max();
    let is_exploit = same.iter().any(|result| result.is_exploit);
    let product = port.service.as_deref().and_then(product_of).unwrap_or_else(|| "the service".to_owned());
    let kind = if is_exploit { "Exploit " } else { "" };
    FindingObservation {
        kind: VULNERABILITY,
        tool: TOOL,
        title: format!("{kind}{id} in {product} ({})", place(port)),
        protocol: Some(port.protocol),
        port: Some(port.port),
        severity: severity_of(score),
        cves: Cve::parse(&id).into_iter().collect(),
        cvss_score: score,
        evidence: Some(evidence(same)),
        rule: id,
    }
}

fn place(port: &PortObservation) -> String {
    format!("{}/{}", port.port, port.protocol.as_str())
}

fn evidence(same: &[&VulnersResult]) -> String {
    let mut evidence = String::from("Reported by vulners");
    for result in same {
        if evidence.len() >= EVIDENCE_MAX_BYTES {
            break;
        }
        let _ = match &result.product {
            Some(product) => write!(evidence, "\n{product}"),
            None => write!(evidence, "\n{}", result.id),
        };
        if let Some(score) = result.cvss_score {
            let _ = write!(evidence, ", CVSS {score}");
        }
        if let Some(kind) = &result.kind {
            let _ = write!(evidence, ", {kind}");
        }
        if result.is_exploit {
            evidence.push_str(", exploit");
        }
    }
    cut(&evidence, EVIDENCE_MAX_BYTES).to_owned()
}

/// Product, version and what else the service said about itself.
fn described(service: &Service) -> Option<String> {
    let mut described = product_of(service).unwrap_or_default();
    if let Some(extra) = &service.extra_info {
        let _ = write!(described, " ({extra})");
    }
    if let Some(tunnel) = &service.tunnel {
        let _ = write!(described, " through {tunnel}");
    }
    for cpe in &service.cpes {
        let _ = write!(described, "\n{cpe}");
    }
    let described = cut(described.trim(), EVIDENCE_MAX_BYTES);
    (!described.is_empty()).then(|| described.to_owned())
}

/// As Nmap prints it: `ssl/http` is HTTP inside TLS.
fn name_of(service: &Service) -> Option<String> {
    let name = cut(service.name.as_deref()?, TITLE_PART_MAX_BYTES);
    Some(match &service.tunnel {
        Some(tunnel) => format!("{}/{name}", cut(tunnel, TITLE_PART_MAX_BYTES)),
        None => name.to_owned(),
    })
}

fn product_of(service: &Service) -> Option<String> {
    let product = cut(service.product.as_deref()?, TITLE_PART_MAX_BYTES);
    Some(match &service.version {
        Some(version) => format!("{product} {}", cut(version, TITLE_PART_MAX_BYTES)),
        None => product.to_owned(),
    })
}
