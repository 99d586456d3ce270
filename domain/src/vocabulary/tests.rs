//! Sentences about what can be written down.

mod texts;

use proptest::prelude::*;
use uuid::{Uuid, uuid};

use super::*;

fn code<T: std::fmt::Debug>(parsed: Result<T, Invalid>) -> &'static str {
    parsed.unwrap_err().code
}

#[test]
fn the_deployment_has_its_fixed_id_and_partition() {
    assert_eq!(TenantId::DEPLOYMENT.uuid(), uuid!("00000000-0000-7000-8000-000000000001"));
    assert_eq!(partition_of(TenantId::DEPLOYMENT), 38);
}

#[test]
fn every_closed_list_reads_what_it_writes() {
    assert!(StreamKind::ALL.iter().all(|kind| StreamKind::parse(kind.as_str()) == Ok(*kind)));
    assert!(Role::ALL.iter().all(|role| Role::parse(role.as_str()) == Ok(*role)));
    assert!(Severity::ALL.iter().all(|severity| Severity::parse(severity.as_str()) == Ok(*severity)));
    assert!(Protocol::ALL.iter().all(|protocol| Protocol::parse(protocol.as_str()) == Ok(*protocol)));
    assert_eq!(Severity::parse("HIGH").unwrap_err().detail, "must be one of unknown info low medium high critical");
    assert_eq!(Criticality::default(), Criticality::Medium);
}

#[test]
fn a_worse_severity_ranks_higher() {
    let ranks: Vec<i16> = Severity::ALL.iter().map(|severity| severity.rank()).collect();
    assert_eq!(ranks, [0, 1, 2, 3, 4, 5]);
    assert!(Severity::Critical > Severity::High);
}

#[test]
fn an_address_is_canonical_and_belongs_to_one_device() {
    let printed = |text| Address::parse(text).unwrap().to_string();
    assert_eq!(printed("::ffff:192.0.2.1"), "192.0.2.1");
    assert_eq!(printed("2001:0DB8:0:0::1"), "2001:db8::1");
    for refused in ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "::ffff:0.0.0.0"] {
        assert_eq!(code(Address::parse(refused)), "not-a-device-address", "{refused}");
    }
    for malformed in ["", "10.0.0", "10.0.0.256", "fe80::1%eth0", "010.0.0.1", "host"] {
        assert_eq!(code(Address::parse(malformed)), "malformed-address", "{malformed}");
    }
}

#[test]
fn a_hardware_address_is_read_in_every_usual_spelling() {
    for spelt in ["00:1A:2B:3C:4D:5E", "00-1a-2b-3c-4d-5e", "001a.2b3c.4d5e", "001a2b3c4d5e"] {
        assert_eq!(MacAddress::parse(spelt).unwrap().to_string(), "00:1a:2b:3c:4d:5e");
    }
    for malformed in
        ["", "00:1a:2b:3c:4d", "00:1a:2b:3c:4d:5g", "00:1a-2b:3c:4d:5e", "+01a2b3c4d5e", "00:1a:2b:3c:4d:5é"]
    {
        assert_eq!(code(MacAddress::parse(malformed)), "malformed-mac", "{malformed}");
    }
    for group in ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"] {
        assert_eq!(code(MacAddress::parse(group)), "not-a-device-mac", "{group}");
    }
}

#[test]
fn a_host_name_is_lower_case_without_its_final_dot() {
    assert_eq!(HostName::parse("Printer_3.Example.ORG.").unwrap().as_str(), "printer_3.example.org");
    let long = "a".repeat(64);
    for malformed in ["", ".", "a..b", "-a", "a-", "a b", "10.0.0.1", "é.example", &long, &"a.".repeat(127)] {
        let parsed = HostName::parse(malformed);
        assert!(parsed.is_err() || parsed.unwrap().as_str().len() <= HOST_NAME_MAX_BYTES, "{malformed}");
    }
    assert_eq!(code(HostName::parse(&long)), "malformed-host-name");
    assert_eq!(code(HostName::parse("10.0.0.1")), "malformed-host-name");
}

#[test]
fn a_place_lies_on_earth() {
    assert!(Coordinates::new(90_000_000, -180_000_000).is_ok());
    assert_eq!(code(Coordinates::new(90_000_001, 0)), "not-on-earth");
    assert_eq!(code(Coordinates::new(0, i32::MIN)), "not-on-earth");
}

#[test]
fn a_port_needs_its_protocol() {
    let port = Some(Port::new(53));
    assert_eq!(code(Service::parse(None, port)), "port-without-protocol");
    assert_eq!(Service::parse(None, None), Ok(None));
    let dns = Service::parse(Some(Protocol::Udp), port).unwrap().unwrap();
    assert_eq!(dns.to_string(), "53/udp");
    assert_eq!(Service { protocol: Protocol::Icmp, port: None }.to_string(), "icmp");
}

#[test]
fn a_cve_is_read_in_either_case() {
    assert_eq!(Cve::parse(" cve-2021-44228 ").unwrap().as_str(), "CVE-2021-44228");
    let longest = format!("CVE-2021-{}", "1".repeat(19));
    assert_eq!(Cve::parse(&longest).unwrap().as_str().len(), CVE_MAX_BYTES);
    let too_long = format!("CVE-2021-{}", "1".repeat(20));
    for malformed in ["CVE-2021-123", "CVE-21-44228", "2021-44228", "CVE-2021-4422x", "CVE-2021-", &too_long] {
        assert_eq!(code(Cve::parse(malformed)), "malformed-cve", "{malformed}");
    }
}

#[test]
fn a_cvss_vector_of_each_version_is_read_and_scored() {
    for (vector, version, score) in [
        ("CVSS2#AV:N/AC:L/Au:N/C:C/I:C/A:C", "2.0", "10.0"),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "3.0", "9.8"),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "3.1", "9.8"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "4.0", "9.3"),
    ] {
        let parsed = CvssVector::parse(vector).unwrap();
        assert_eq!(parsed.version(), version);
        assert_eq!(parsed.score().unwrap().to_string(), score);
        assert_eq!(CvssVector::parse(parsed.as_str()).unwrap(), parsed);
    }
    for malformed in ["", "CVSS:3.1/", "CVSS:5.0/AV:N", "high", "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"] {
        assert_eq!(code(CvssVector::parse(malformed)), "malformed-cvss-vector", "{malformed}");
    }
}

#[test]
fn a_cvss_score_has_one_digit_after_the_point() {
    let tenths = |text| CvssScore::parse(text).map(CvssScore::tenths);
    assert_eq!(tenths("9.8"), Ok(98));
    assert_eq!(tenths("10"), Ok(100));
    assert_eq!(tenths("0.0"), Ok(0));
    for malformed in ["", "10.1", "11", "-1", "9.85", "9,8", "NaN", "+5", ".5", "5."] {
        assert_eq!(code(CvssScore::parse(malformed)), "malformed-cvss-score", "{malformed}");
    }
    assert_eq!(code(CvssScore::from_tenths(101)), "malformed-cvss-score");
}

#[test]
fn a_package_url_names_type_and_package() {
    assert_eq!(Purl::parse("PKG:Deb/debian/openssl@3.0").unwrap().as_str(), "pkg:deb/debian/openssl@3.0");
    for malformed in ["pkg:deb", "deb/openssl", "pkg:/x/y z", "pkg:1/x", "pkg:deb/"] {
        assert_eq!(code(Purl::parse(malformed)), "malformed-purl", "{malformed}");
    }
}

#[test]
fn a_digest_is_sixty_four_hexadecimal_digits() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Sha256::of(b"").to_string(), empty);
    assert_eq!(Sha256::parse(&empty.to_uppercase()), Ok(Sha256::of(b"")));
    assert_eq!(code(Sha256::parse(&empty[1..])), "malformed-sha256");
    assert_eq!(code(Sha256::parse(&empty.replace('e', "g"))), "malformed-sha256");
    assert_eq!(code(Sha256::parse(&"é".repeat(32))), "malformed-sha256");
}

#[test]
fn a_set_counts_its_members_after_removing_duplicates() {
    type Two = Few<u8, 2>;
    assert_eq!(Two::new([2, 1, 2, 1]).unwrap().as_slice(), [1, 2]);
    assert_eq!(code(Two::new([1, 2, 3])), "too-many");
}

#[test]
fn a_time_from_outside_lies_between_1970_and_9999() {
    assert!(Timestamp::parse_micros(0).is_ok());
    assert_eq!(Timestamp::parse_micros(Timestamp::MAX.micros()), Ok(Timestamp::MAX));
    assert_eq!(code(Timestamp::parse_micros(-1)), "time-out-of-range");
    assert_eq!(code(Timestamp::parse_micros(i64::MAX)), "time-out-of-range");
}

#[test]
fn what_is_personal_does_not_show_in_debug_output() {
    let login = LoginName::parse("ana").unwrap();
    assert_eq!(format!("{login:?}"), "LoginName(…)");
    assert_eq!(format!("{:?}", Personal::Clear(login)), "Clear(…)");
    assert_eq!(format!("{:?}", Personal::<Name>::Withheld), "Withheld");
}

proptest! {
    #[test]
    fn a_partition_is_always_below_the_number_of_partitions(number: u128) {
        prop_assert!(u16::from(partition_of(TenantId::new(Uuid::from_u128(number)))) < PARTITIONS);
    }

    #[test]
    fn no_text_whatever_makes_a_parser_panic_or_disagree_with_itself(raw in "\\PC{0,80}") {
        macro_rules! stable {
            ($($kind:ty),+) => {$(
                if let Ok(value) = <$kind>::parse(&raw) {
                    prop_assert_eq!(<$kind>::parse(&value.to_string()), Ok(value));
                }
            )+};
        }
        stable!(Name, Title, Description, Location, Rule, Label, Slug, Network, HostName, Purl, Cve, CvssVector);
        stable!(Address, MacAddress, CvssScore, Sha256);
        if let Ok(login) = LoginName::parse(&raw) {
            prop_assert_eq!(LoginName::parse(login.as_str()), Ok(login));
        }
        if let Ok(email) = EmailAddress::parse(&raw) {
            prop_assert_eq!(EmailAddress::parse(email.as_str()), Ok(email));
        }
    }
}
