//! Arbitrary events of a finding, and the largest one there can be.

use domain::finding::{self, Report};
use domain::vocabulary::*;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{LINE, PASSAGE, few, id, label, metadata, moment, note, parsed, reason, sha256};

pub(in crate::tests) fn finding() -> impl Strategy<Value = finding::Event> {
    prop_oneof![report().prop_map(raised), judgement(), acceptance(), repair()]
}

fn raised(report: Report) -> finding::Event {
    let identity = report.identity();
    finding::Event::Raised { report, identity }
}

fn judgement() -> impl Strategy<Value = finding::Event> {
    use finding::Event as E;
    prop_oneof![
        (select(Severity::ALL), option::of(reason()))
            .prop_map(|(severity, reason)| E::SeverityChanged { severity, reason }),
        Just(E::Confirmed),
        reason().prop_map(|reason| E::MarkedFalsePositive { reason }),
        reason().prop_map(|reason| E::MarkedOutOfScope { reason }),
        option::of(id(UserId::new)).prop_map(|assignee| E::Assigned { assignee }),
        note().prop_map(|text| E::Noted { text }),
    ]
}

fn acceptance() -> impl Strategy<Value = finding::Event> {
    use finding::Event as E;
    let by = || id(UserId::new);
    prop_oneof![
        (by(), reason(), moment(), option::of(sha256()))
            .prop_map(|(by, reason, until, proof)| E::AcceptanceRequested { by, reason, until, proof }),
        by().prop_map(|by| E::AcceptanceApproved { by }),
        (by(), option::of(reason())).prop_map(|(by, reason)| E::AcceptanceDeclined { by, reason }),
        Just(E::AcceptanceLapsed),
    ]
}

fn repair() -> impl Strategy<Value = finding::Event> {
    use finding::Event as E;
    prop_oneof![
        moment().prop_map(|observed_at| E::DetectedAgain { observed_at }),
        Just(E::WorkStarted),
        option::of(note()).prop_map(|note| E::FixClaimed { note }),
        moment().prop_map(|at| E::FixVerified { at }),
        (option::of(reason()), moment()).prop_map(|(reason, at)| E::Resolved { reason, at }),
        option::of(reason()).prop_map(|reason| E::Reopened { reason }),
    ]
}

prop_compose! {
    pub(in crate::tests) fn report()(
        (device, kind, tool) in (option::of(id(DeviceId::new)), label(), label()),
        title in parsed(LINE, Title::parse),
        description in option::of(parsed(PASSAGE, Description::parse)),
        severity in select(Severity::ALL),
        cves in few(parsed("CVE-20[0-9]{2}-[0-9]{4,7}", Cve::parse)),
        (cvss, cvss_score) in (few(cvss_vector()), option::of((0..=100u8).prop_map(|tenths| CvssScore::from_tenths(tenths).unwrap()))),
        rule in option::of(parsed(LINE, Rule::parse)),
        component in option::of(parsed("pkg:deb/debian/[a-z]{1,9}@[0-9.]{1,5}", Purl::parse)),
        service in option::of(service()),
        location in option::of(parsed(LINE, Location::parse)),
        evidence in option::of(parsed(PASSAGE, Evidence::parse)),
        (metadata, observed_at) in (metadata(), moment()),
    ) -> Report {
        Report {
            device, kind, title, description, severity, cves, cvss, cvss_score, tool, rule, component, service,
            location, evidence, metadata, observed_at,
        }
    }
}

fn cvss_vector() -> impl Strategy<Value = CvssVector> {
    select(&[
        "AV:N/AC:L/Au:N/C:C/I:C/A:C",
        "CVSS:3.0/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H",
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
    ])
    .prop_map(|raw| CvssVector::parse(raw).unwrap())
}

fn service() -> impl Strategy<Value = Service> {
    (select(Protocol::ALL), option::of(any::<u16>().prop_map(Port::new)))
        .prop_map(|(protocol, port)| Service { protocol, port })
}

/// As long as its texts may be, of characters that JSON has to escape.
pub(in crate::tests) fn largest_report() -> Report {
    let quotes = |bytes: usize| "\"".repeat(bytes / 2);
    let title = "\u{10348}".repeat(TITLE_MAX_CHARACTERS);
    Report {
        description: Some(Description::parse(&quotes(DESCRIPTION_MAX_BYTES)).unwrap()),
        evidence: Some(Evidence::parse(&quotes(EVIDENCE_MAX_BYTES)).unwrap()),
        location: Some(Location::parse(&quotes(LOCATION_MAX_BYTES)).unwrap()),
        rule: Some(Rule::parse(&quotes(RULE_MAX_BYTES)).unwrap()),
        cves: Few::new((0..CVES_MAX).map(|n| Cve::parse(&format!("CVE-2021-{n:019}")).unwrap())).unwrap(),
        metadata: Metadata::parse([("k".to_owned(), quotes(METADATA_MAX_BYTES - 10))]).unwrap(),
        ..Report::new(
            Label::parse(&"k".repeat(LABEL_MAX_BYTES)).unwrap(),
            Title::parse(&title).unwrap(),
            Severity::Critical,
            Timestamp::MAX,
        )
    }
}
