//! Sentences about what makes two reports speak of the same finding.

use proptest::prelude::*;
use uuid::{Uuid, uuid};

use super::{day, report};
use crate::{
    finding::{IDENTITY_VERSION, Report},
    vocabulary::{
        Cve, Cves, Description, DeviceId, Evidence, FindingId, Label, Location, Port, Protocol, Purl, Rule, Service,
        Severity, TenantId, Title,
    },
};

fn cves<const N: usize>(names: [&str; N]) -> Cves {
    Cves::new(names.map(|name| Cve::parse(name).unwrap())).unwrap()
}

fn https() -> Option<Service> {
    Some(Service { protocol: Protocol::Tcp, port: Some(Port::new(443)) })
}

fn nmap_report() -> Report {
    Report { tool: Label::parse("nmap").unwrap(), cves: cves(["CVE-2021-44228"]), service: https(), ..report() }
}

fn digest_of(report: &Report) -> String {
    report.identity().unwrap().digest.to_string()
}

fn rule(name: &str) -> Option<Rule> {
    Some(Rule::parse(name).unwrap())
}

#[test]
fn the_documented_test_vector_holds() {
    let tenant = TenantId::new(uuid!("00000000-0000-7000-8000-000000000002"));
    let device = DeviceId::new(uuid!("00000000-0000-7000-8000-000000000003"));
    let identity = nmap_report().identity().unwrap();
    assert_eq!(identity.version, IDENTITY_VERSION);
    assert_eq!(identity.digest.to_string(), "4fad7cc65fbd24c536e8f520c933392d5b8f197dace5965ae86e06a934c0fc06");
    assert_eq!(
        FindingId::natural(tenant, Some(device), &identity).uuid(),
        uuid!("17dfc403-9b9e-5252-8316-0440a6ee7e9f")
    );
}

#[test]
fn the_same_weakness_is_another_finding_in_another_tenant_or_on_another_device() {
    let identity = nmap_report().identity().unwrap();
    let tenants = [1, 2].map(|number| TenantId::new(Uuid::from_u128(number)));
    let devices = [None, Some(1), Some(2)].map(|number| number.map(|n| DeviceId::new(Uuid::from_u128(n))));
    let mut ids: Vec<FindingId> = tenants
        .iter()
        .flat_map(|tenant| devices.map(|device| FindingId::natural(*tenant, device, &identity)))
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[test]
fn without_rule_cve_and_location_there_is_no_identity() {
    let bare = Report { service: https(), ..report() };
    assert_eq!(bare.identity(), None);
    assert!(Report { rule: rule("x"), ..bare.clone() }.identity().is_some());
    assert!(Report { cves: cves(["CVE-2020-0001"]), ..bare.clone() }.identity().is_some());
    let location = Some(Location::parse("/login").unwrap());
    assert!(Report { location, ..bare }.identity().is_some());
}

#[test]
fn a_rule_outlives_the_cves_its_tool_lists() {
    let listed = |names| Report { rule: rule("19506"), cves: names, ..report() };
    assert_eq!(
        digest_of(&listed(cves(["CVE-2020-0001"]))),
        digest_of(&listed(cves(["CVE-2020-0001", "CVE-2020-0002"])))
    );
}

#[test]
fn a_component_outlives_the_port_it_is_seen_at() {
    let purl = Some(Purl::parse("pkg:deb/debian/openssl@3.0.11").unwrap());
    let here = Report { component: purl, ..nmap_report() };
    let there = Report { service: None, ..here.clone() };
    assert_eq!(digest_of(&here), digest_of(&there));
}

#[test]
fn the_same_port_of_another_protocol_is_another_finding() {
    let udp = Some(Service { protocol: Protocol::Udp, port: Some(Port::new(443)) });
    assert_ne!(digest_of(&nmap_report()), digest_of(&Report { service: udp, ..nmap_report() }));
}

#[test]
fn one_text_in_two_unicode_spellings_is_one_identity() {
    let composed = Report { location: Some(Location::parse("/caf\u{e9}").unwrap()), ..report() };
    let decomposed = Report { location: Some(Location::parse("/cafe\u{301}").unwrap()), ..report() };
    assert_eq!(digest_of(&composed), digest_of(&decomposed));
}

fn any_severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(Severity::ALL)
}

proptest! {
    #[test]
    fn identity_does_not_look_at_severity_title_description_evidence_or_time(
        severity in any_severity(),
        title in "[a-zA-Z0-9 ]{0,40}x",
        description in "[a-zA-Z0-9 ]{0,40}x",
        number in 0_u64..1000,
    ) {
        let other = Report {
            severity,
            title: Title::parse(&title).unwrap(),
            description: Some(Description::parse(&description).unwrap()),
            evidence: Some(Evidence::parse(&description).unwrap()),
            observed_at: day(number),
            ..nmap_report()
        };
        prop_assert_eq!(digest_of(&other), digest_of(&nmap_report()));
    }

    /// Moving letters from the end of one field to the beginning of the next must show.
    #[test]
    fn identity_is_unambiguous_when_text_moves_between_fields(
        text in "[a-z]{3,12}",
        first in 1_usize..3,
        second in 1_usize..3,
    ) {
        prop_assume!(first != second && first < text.len() && second < text.len());
        let split = |at: usize| Report {
            tool: Label::parse(&text[..at]).unwrap(),
            rule: rule(&text[at..]),
            ..report()
        };
        prop_assert_ne!(digest_of(&split(first)), digest_of(&split(second)));
        let moved = |at: usize| Report {
            rule: rule(&text[..at]),
            location: Some(Location::parse(&text[at..]).unwrap()),
            ..report()
        };
        prop_assert_ne!(digest_of(&moved(first)), digest_of(&moved(second)));
    }

    /// What stands in one field must not be taken for the same text in another.
    #[test]
    fn identity_tells_a_rule_from_a_location(text in "[a-z]{1,12}") {
        let as_rule = Report { rule: rule(&text), ..report() };
        let as_location = Report { location: Some(Location::parse(&text).unwrap()), ..report() };
        prop_assert_ne!(digest_of(&as_rule), digest_of(&as_location));
    }
}
