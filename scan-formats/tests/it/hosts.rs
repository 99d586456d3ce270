//! Hosts in the shapes that trip other tools, and records that make no sense.

use std::fmt::Write;

use domain::vocabulary::Protocol;
use scan_formats::nmap::{
    Exit, HOST_MAX_BYTES, HostNameKind, HostStatus, PORTS_PER_HOST_MAX, PortCounts, SCRIPTS_PER_PORT_MAX,
};

use crate::{Reading, report_with};

#[test]
fn a_host_may_have_only_ipv6_addresses() {
    let host = Reading::of_fixture("ipv6-only.xml").only_host();
    let addresses: Vec<_> = host.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["2001:db8::17", "fe80::1234"]);
    assert!(host.mac.is_none() && host.is_identified() && host.quarantine.is_empty());
}

#[test]
fn a_host_may_have_only_a_hardware_address_and_no_ports() {
    let host = Reading::of_fixture("mac-only.xml").only_host();
    let mac = host.mac.as_ref().unwrap();
    assert_eq!(mac.address.to_string(), "00:1a:2b:3c:4d:5e");
    assert_eq!(mac.vendor.as_deref(), Some("Ayecom Technology"));
    assert!(host.addresses.is_empty() && host.ports.is_empty());
    assert!(host.is_identified() && host.quarantine.is_empty());
}

#[test]
fn hosts_that_are_down_are_told_apart_and_hints_are_no_hosts() {
    let reading = Reading::of_fixture("udp-and-down.xml");
    let seen: Vec<_> = reading.hosts.iter().map(|host| (host.addresses[0].to_string(), host.status)).collect();
    assert_eq!(
        seen,
        [
            ("10.0.0.1".to_owned(), HostStatus::Down),
            ("10.0.0.2".to_owned(), HostStatus::Up),
            ("10.0.0.3".to_owned(), HostStatus::Up)
        ]
    );
    let finished = reading.finished.unwrap();
    assert_eq!((finished.hosts_up, finished.hosts_down), (2, 2));
}

#[test]
fn udp_ports_without_an_answer_are_counted_and_give_no_finding() {
    let reading = Reading::of_fixture("udp-and-down.xml");
    assert_eq!(reading.hosts[1].port_counts(), PortCounts { open: 1, open_filtered: 2, other: 0 });
    let [only] = reading.findings().try_into().unwrap();
    assert_eq!((only.protocol, only.title.as_str()), (Some(Protocol::Udp), "Open port 53/udp (domain)"));
}

#[test]
fn host_names_keep_where_they_came_from() {
    let reading = Reading::of_fixture("udp-and-down.xml");
    let names: Vec<_> =
        reading.hosts[1].host_names.iter().map(|host_name| (host_name.name.as_str(), host_name.kind)).collect();
    assert_eq!(names, [("gateway.example.com", HostNameKind::Ptr), ("gw", HostNameKind::User)]);
}

#[test]
fn a_broken_record_is_quarantined_with_its_place_and_the_rest_is_read() {
    let report = crate::fixture("broken-records.xml");
    let reading = Reading::of(&report);
    assert!(reading.error.is_none());
    assert_eq!(reading.hosts.len(), 3);
    let host = &reading.hosts[0];
    assert_eq!(host.addresses.len(), 1, "the same address twice is one");
    assert_eq!(host.host_names.len(), 1);
    assert_eq!(host.ports.len(), 1);
    let kept = host.quarantine.kept();
    let records: Vec<_> = kept.iter().map(|quarantined| quarantined.record).collect();
    assert_eq!(records, ["address", "address", "hostname", "port", "port", "port", "port", "port", "extraports"]);
    assert_eq!(kept[3].reason, "'65536' is no port number from 0 to 65535");
    for quarantined in kept {
        let at = &report[usize::try_from(quarantined.position).unwrap()..];
        assert!(at.starts_with(format!("<{}", quarantined.record).as_bytes()));
    }
}

#[test]
fn a_host_without_a_usable_address_is_quarantined_itself() {
    let reading = Reading::of_fixture("broken-records.xml");
    let host = &reading.hosts[1];
    assert!(!host.is_identified());
    let records: Vec<_> = host.quarantine.kept().iter().map(|one| one.record).collect();
    assert_eq!(records, ["address", "host"]);
}

#[test]
fn a_failed_run_says_why() {
    let finished = Reading::of_fixture("broken-records.xml").finished.unwrap();
    assert_eq!(finished.exit, Exit::Error("out of <luck>".to_owned()));
}

#[test]
fn masscan_writes_a_host_for_each_port() {
    let reading = Reading::of_fixture("masscan.xml");
    assert_eq!(reading.started.as_ref().unwrap().scanner, "masscan");
    assert!(reading.hosts.iter().all(|host| host.status == HostStatus::Up));
    let findings = reading.findings();
    assert_eq!(crate::titles(&findings), ["Open port 80/tcp", "Open port 443/tcp (ssl)"]);
    let finished = reading.finished.unwrap();
    assert_eq!((finished.hosts_up, finished.exit), (1, Exit::Unstated));
}

#[test]
fn a_byte_order_mark_changes_neither_the_reading_nor_the_places() {
    let marked = crate::fixture("byte-order-mark.xml");
    let plain = Reading::of_fixture("same-port-twice.xml");
    let reading = Reading::of(&marked);
    assert_eq!(reading.hosts.len(), 2);
    let place = usize::try_from(reading.hosts[1].position).unwrap();
    assert!(marked[place..].starts_with(b"<host>"));
    assert_eq!(reading.hosts[1].position, plain.hosts[1].position + 3);
}

#[test]
fn odd_bytes_of_a_banner_do_not_cost_the_report() {
    let port = "<ports><port protocol=\"tcp\" portid=\"1\"><state state=\"open\"/>\
        <service name=\"a\0b\" product=\"&#0;&#xD800;&#x1b;[31m&#10;x\u{85}y\"/></port></ports>";
    let host = Reading::of(&report_with(port)).only_host();
    let service = host.ports[0].service.as_ref().unwrap();
    assert_eq!(service.name.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(service.product.as_deref(), Some("\u{fffd}\u{fffd}\u{fffd}[31m x y"));
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let port = format!(
        "<ports><port protocol=\"tcp\" portid=\"1\"><state state=\"open\"/><service product=\"x{}\"/></port></ports>",
        "ä".repeat(1000)
    );
    let host = Reading::of(&report_with(&port)).only_host();
    let product = host.ports[0].service.as_ref().unwrap().product.clone().unwrap();
    assert_eq!(product.len(), 511);
}

#[test]
fn more_ports_than_exist_are_set_aside() {
    let port = "<port protocol=\"tcp\" portid=\"1\"><state state=\"open\"/></port>";
    let ports = format!("<ports>{}</ports>", port.repeat(PORTS_PER_HOST_MAX + 7));
    let host = Reading::of(&report_with(&ports)).only_host();
    assert_eq!(host.ports.len(), PORTS_PER_HOST_MAX);
    assert_eq!(host.quarantine.total(), 7);
    assert_eq!(scan_formats::nmap::findings(&host).len(), 1);
}

#[test]
fn more_scripts_than_anybody_runs_are_set_aside_once() {
    let script = "<script id=\"x\" output=\"\"/>".repeat(SCRIPTS_PER_PORT_MAX + 7);
    let port = format!("<ports><port protocol=\"tcp\" portid=\"1\"><state state=\"open\"/>{script}</port></ports>");
    let host = Reading::of(&report_with(&port)).only_host();
    assert_eq!((host.ports.len(), host.quarantine.total()), (1, 1));
}

#[test]
fn one_host_keeps_no_more_than_its_share() {
    let text = "x".repeat(500);
    let mut ports = String::from("<ports>");
    for number in 0..30_000 {
        let _ = write!(
            ports,
            "<port protocol=\"tcp\" portid=\"{number}\"><state state=\"open\" reason=\"syn-ack\"/>\
             <service name=\"{text}\" product=\"{text}\" version=\"{text}\" extrainfo=\"{text}\"/></port>"
        );
    }
    ports.push_str("</ports>");
    let host = Reading::of(&report_with(&ports)).only_host();
    assert!(host.ports.len() * 2000 < HOST_MAX_BYTES);
    assert!(host.ports.len() * 2500 > HOST_MAX_BYTES);
    assert_eq!(host.ports.len() as u64 + host.quarantine.total(), 30_000);
}
