//! What Nmap 7.93 itself wrote, asserted exactly.

use domain::vocabulary::{Port, Protocol, Severity, Timestamp};
use scan_formats::nmap::{Exit, HostStatus, PortCounts, PortState};

use crate::{Reading, titles};

#[test]
fn a_run_says_what_it_is_and_how_it_ended() {
    let reading = Reading::of_fixture("real-connect-scan.xml");
    let started = reading.started.unwrap();
    assert_eq!(started.scanner, "nmap");
    assert_eq!(started.version.as_deref(), Some("7.93"));
    assert!(started.args.unwrap().starts_with("nmap -n -sT -p "));
    let [scope] = started.scopes.try_into().unwrap();
    assert_eq!((scope.technique.as_str(), scope.protocol), ("connect", Some(Protocol::Tcp)));
    assert_eq!(scope.ports, Some(2));
    let finished = reading.finished.unwrap();
    assert_eq!((finished.hosts_up, finished.hosts_down), (1, 0));
    assert_eq!(finished.exit, Exit::Success);
    assert!(started.started_at.is_some() && finished.finished_at >= started.started_at);
}

#[test]
fn a_connect_scan_finds_the_open_port_and_not_the_closed_one() {
    let reading = Reading::of_fixture("real-connect-scan.xml");
    let findings = reading.findings();
    let host = reading.only_host();
    assert_eq!(host.addresses, ["127.0.0.1".parse().unwrap()]);
    assert_eq!(host.status_reason.as_deref(), Some("localhost-response"));
    assert!(host.has_answered());
    assert!(host.quarantine.is_empty());
    assert_eq!(host.port_counts(), PortCounts { open: 1, open_filtered: 0, other: 1 });
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].kind, "open-port");
    assert_eq!(findings[0].severity, Severity::Info);
}

#[test]
fn a_silent_udp_port_is_no_open_port_though_tcp_is_open_on_the_same_number() {
    let reading = Reading::of_fixture("real-tcp-and-udp-same-port.xml");
    assert_eq!(reading.started.as_ref().unwrap().scopes.len(), 2);
    let findings = reading.findings();
    let host = reading.only_host();
    let states: Vec<_> = host.ports.iter().map(|port| (port.protocol, port.state)).collect();
    assert_eq!(
        states,
        [
            (Protocol::Tcp, PortState::Open),
            (Protocol::Tcp, PortState::Closed),
            (Protocol::Udp, PortState::OpenFiltered)
        ]
    );
    assert_eq!(host.ports[0].port, host.ports[2].port);
    assert_eq!(titles(&findings), ["Open port 39355/tcp"]);
}

#[test]
fn a_detected_service_is_the_evidence_of_its_port() {
    let reading = Reading::of_fixture("real-service-detection.xml");
    let findings = reading.findings();
    let host = reading.only_host();
    let service = host.ports[0].service.as_ref().unwrap();
    assert_eq!(service.name.as_deref(), Some("http"));
    assert_eq!(service.product.as_deref(), Some("SimpleHTTPServer"));
    assert_eq!(service.version.as_deref(), Some("0.6"));
    assert_eq!(service.extra_info.as_deref(), Some("Python 3.11.7"));
    assert_eq!(service.cpes, ["cpe:/a:python:simplehttpserver:0.6"]);
    assert!(service.probed);
    assert_eq!(findings.len(), 1);
    assert!(findings[0].title.ends_with("/tcp (http)"));
    assert_eq!(
        findings[0].evidence.as_deref(),
        Some("SimpleHTTPServer 0.6 (Python 3.11.7)\ncpe:/a:python:simplehttpserver:0.6")
    );
}

#[test]
fn vulners_results_are_findings_beside_the_open_port() {
    let reading = Reading::of_fixture("real-vulners.xml");
    let findings = reading.findings();
    let told: Vec<_> =
        findings.iter().map(|finding| (finding.rule.as_str(), finding.severity, finding.cves.len())).collect();
    assert_eq!(
        told,
        [
            ("open-port", Severity::Info, 0),
            ("CVE-2099-0001", Severity::Critical, 1),
            ("PACKETSTORM:170001", Severity::Critical, 0),
            ("CVE-2023-24329", Severity::High, 1),
            ("CVE-2024-0450", Severity::Medium, 1),
            ("CVE-2099-0002", Severity::Low, 1),
            ("EDB-ID:51234", Severity::Info, 0),
        ]
    );
    assert!(findings.iter().all(|finding| finding.port == Some(Port::new(37777))));
    assert_eq!(findings[1].title, "CVE-2099-0001 in SimpleHTTPServer 0.6 (37777/tcp)");
    assert_eq!(
        findings[2].evidence.as_deref(),
        Some("Reported by vulners\ncpe:/a:python:simplehttpserver:0.6, CVSS 9.0, packetstorm, exploit")
    );
}

#[test]
fn the_best_match_names_the_operating_system() {
    let host = Reading::of_fixture("real-everything.xml").only_host();
    assert_eq!(host.status_reason.as_deref(), Some("user-set"));
    assert!(host.has_answered(), "an open port is an answer, even to -Pn");
    let system = host.operating_system.unwrap();
    assert_eq!((system.name.as_str(), system.accuracy), ("Linux 5.0 - 5.2", 97));
    assert_eq!(system.vendor.as_deref(), Some("Linux"));
    assert_eq!(system.device_type.as_deref(), Some("general purpose"));
    assert_eq!(system.cpes, ["cpe:/o:linux:linux_kernel:5"]);
    assert_eq!(host.started_at, Some(Timestamp::from_micros(1_795_627_029_000_000)));
}

#[test]
fn a_ping_scan_has_hosts_without_ports() {
    let host = Reading::of_fixture("real-ping-only.xml").only_host();
    assert_eq!((host.status, host.ports.len()), (HostStatus::Up, 0));
}

#[test]
fn a_list_scan_says_nothing_about_being_up() {
    let reading = Reading::of_fixture("real-list-only.xml");
    assert!(reading.started.as_ref().unwrap().scopes.is_empty());
    let host = reading.only_host();
    assert_eq!(host.status, HostStatus::Unknown);
    assert!(!host.has_answered());
}
