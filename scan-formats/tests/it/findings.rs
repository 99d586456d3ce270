//! What ports and `vulners` results amount to.

use domain::vocabulary::{CvssScore, Protocol, Severity};

use crate::{Reading, report_with, titles};

#[test]
fn the_same_port_on_two_hosts_and_over_two_protocols_is_three_findings() {
    let reading = Reading::of_fixture("same-port-twice.xml");
    let by_host: Vec<_> = reading.hosts.iter().map(scan_formats::nmap::findings).collect();
    assert_eq!(titles(&by_host[0]), ["Open port 53/tcp (domain)", "Open port 53/udp (domain)"]);
    assert_eq!(titles(&by_host[1]), ["Open port 53/tcp (domain)"]);
}

#[test]
fn one_cve_of_two_products_is_one_finding_with_the_higher_score() {
    let findings = Reading::of_fixture("vulners-several-products.xml").findings();
    let same: Vec<_> = findings.iter().filter(|finding| finding.rule == "CVE-2021-41773").collect();
    assert_eq!(same.len(), 1);
    assert_eq!(same[0].severity, Severity::High);
    assert_eq!(same[0].cvss_score.map(CvssScore::tenths), Some(75));
    let evidence = same[0].evidence.as_deref().unwrap();
    assert!(evidence.contains("apache:http_server") && evidence.contains("openssl:openssl"));
}

#[test]
fn the_bands_are_those_of_cvss_3_and_no_score_is_not_harmless() {
    let findings = Reading::of_fixture("vulners-several-products.xml").findings();
    let severities: Vec<_> = findings.iter().map(|finding| (finding.rule.as_str(), finding.severity)).collect();
    assert_eq!(
        severities,
        [
            ("open-port", Severity::Info),
            ("CVE-2021-41773", Severity::High),
            ("EDB-ID:50383", Severity::Critical),
            ("CVE-2021-40438", Severity::Critical),
            ("CVE-2021-3711", Severity::Unknown),
            ("CVE-2021-3712", Severity::Info),
            ("CVE-2021-4160", Severity::Low),
            ("CVE-2022-0778", Severity::Medium),
            ("CVE-2022-1292", Severity::Unknown),
        ]
    );
}

#[test]
fn an_entry_without_a_name_is_quarantined() {
    let host = Reading::of_fixture("vulners-several-products.xml").only_host();
    let [only] = host.quarantine.kept() else { panic!("{:?}", host.quarantine) };
    assert_eq!((only.record, only.reason.as_str()), ("vulners", "'' is no name of a weakness"));
}

#[test]
fn an_open_port_tells_its_service_and_tunnel() {
    let findings = Reading::of_fixture("vulners-several-products.xml").findings();
    assert_eq!(findings[0].title, "Open port 443/tcp (ssl/http)");
    assert_eq!(
        findings[0].evidence.as_deref(),
        Some(
            "Apache httpd 2.4.49 ((Unix) \"quoted\" & more) through ssl\n\
             cpe:/a:apache:http_server:2.4.49\ncpe:/a:openssl:openssl:1.1.1k"
        )
    );
}

#[test]
fn vulners_is_read_from_its_printed_text_where_it_has_no_tables() {
    let reading = Reading::of_fixture("vulners-printed-only.xml");
    let findings = reading.findings();
    let told: Vec<_> = findings.iter().map(|finding| (finding.rule.as_str(), finding.severity)).collect();
    assert_eq!(
        told,
        [
            ("open-port", Severity::Info),
            ("CVE-2012-1667", Severity::High),
            ("CVE-2002-0651", Severity::Unknown),
            ("EDB-ID:22011", Severity::Info),
        ]
    );
    assert_eq!(findings[3].title, "Exploit EDB-ID:22011 in ISC BIND 9.8.2rc1 (53/tcp)");
    let host = reading.only_host();
    let last = host.ports[0].vulners.last().unwrap();
    assert!(last.is_exploit);
    assert_eq!(last.kind.as_deref(), Some("exploitdb"));
    assert_eq!(last.product.as_deref(), Some("ISC BIND DNS"));
}

#[test]
fn a_protocol_without_ports_has_no_open_ports() {
    let ports = "<ports><port protocol=\"ip\" portid=\"6\"><state state=\"open\"/></port></ports>";
    let host = Reading::of(&report_with(ports)).only_host();
    assert_eq!(host.ports[0].protocol, Protocol::Ip);
    assert!(scan_formats::nmap::findings(&host).is_empty());
}

#[test]
fn every_text_of_a_finding_passes_the_doors_of_the_vocabulary() {
    use domain::vocabulary::{Evidence, Label, Rule, Title};
    let long = "\u{202e}x\u{7f}".repeat(400);
    let port = format!(
        "<ports><port protocol=\"tcp\" portid=\"1\"><state state=\"open\"/>\
         <service name=\"{long}\" product=\"{long}\" version=\"{long}\" extrainfo=\"{long}\"/>\
         <script id=\"vulners\" output=\"\"><table key=\"{long}\"><table><elem key=\"id\">X-1</elem></table></table></script>\
         </port></ports>"
    );
    let findings = Reading::of(&report_with(&port)).findings();
    assert_eq!(findings.len(), 2);
    for finding in findings {
        Title::parse(&finding.title).unwrap();
        Rule::parse(&finding.rule).unwrap();
        Label::parse(finding.kind).unwrap();
        Label::parse(finding.tool).unwrap();
        Evidence::parse(&finding.evidence.unwrap()).unwrap();
    }
}
