//! Sentences about scans.

use std::time::Duration;

use uuid::{Uuid, uuid};

use super::{Command::Record as RecordIt, Counts, Event, Hosts, Record, Refusal, Scan, Scope, target};
use crate::{
    decider::Decider,
    testing::{Given, given as given_events},
    vocabulary::{ApiKeyId, Label, Name, ScanId, Sha256, TenantId, Timestamp, ToolVersion},
};

fn given(events: impl IntoIterator<Item = Event>) -> Given<Scan> {
    given_events(events)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000).plus(Duration::from_secs(seconds))
}

fn lane(name: &str) -> Label {
    Label::parse(name).unwrap()
}

fn record() -> Record {
    Record {
        tool: lane("nmap"),
        tool_version: Some(ToolVersion::parse("7.95").unwrap()),
        lane: lane("nmap"),
        scope: Scope { devices: 3, hosts: Hosts::new([Name::parse("10.0.0.0/30").unwrap()]).unwrap() },
        sha256: Sha256::of(b"<nmaprun/>"),
        bytes: 10,
        observed_at: at(0),
        counts: Counts { hosts_up: 3, devices_registered: 3, ..Counts::default() },
    }
}

#[test]
fn a_scan_is_recorded_in_the_lane_of_its_tool_and_is_closed_at_once() {
    let scan = given([]).when(RecordIt(record()), at(1)).then([Event::Recorded(record())]);
    assert_eq!(scan.index().lane.as_deref(), Some("nmap"));
    assert!(!scan.index().open);
}

#[test]
fn recording_a_scan_again_changes_nothing_whatever_it_counts_then() {
    let counts = Counts { hosts_up: 3, devices_updated: 3, ..Counts::default() };
    let again = Record { counts, ..record() };
    given([Event::Recorded(record())]).when(RecordIt(again), at(1)).then([]);
}

#[test]
fn a_scan_does_not_end_in_the_future() {
    given([])
        .when(RecordIt(Record { observed_at: at(301), ..record() }), at(0))
        .then_refused(Refusal::ObservedInFuture);
}

#[test]
fn a_scan_recorded_twice_is_no_history() {
    let scan = given([Event::Recorded(record())]).state().clone();
    assert!(scan.evolve(&Event::Recorded(record())).is_err());
}

#[test]
fn the_same_bytes_in_the_same_lane_are_the_same_scan() {
    let tenants = [1, 2].map(|number| TenantId::new(Uuid::from_u128(number)));
    let [one, other] = [Sha256::of(b"one"), Sha256::of(b"other")];
    let first = ScanId::natural(tenants[0], &lane("nmap"), &one);
    assert_eq!(first, ScanId::natural(tenants[0], &lane("nmap"), &one));
    assert_ne!(first, ScanId::natural(tenants[1], &lane("nmap"), &one));
    assert_ne!(first, ScanId::natural(tenants[0], &lane("nmap.fast"), &one));
    assert_ne!(first, ScanId::natural(tenants[0], &lane("nmap"), &other));
}

#[test]
fn what_each_scanner_key_sends_is_a_scan_of_its_own() {
    let tenant = TenantId::new(Uuid::from_u128(1));
    let sha256 = Sha256::of(b"one");
    let of_key = |key| ScanId::natural_of_key(tenant, ApiKeyId::new(Uuid::from_u128(key)), &lane("nmap"), &sha256);
    assert_eq!(of_key(6), of_key(6));
    assert_ne!(of_key(6), of_key(7));
    assert_ne!(of_key(6), ScanId::natural(tenant, &lane("nmap"), &sha256));
}

#[test]
fn a_declared_target_is_a_name_an_address_or_a_range_in_one_form() {
    for (raw, canonical) in [
        (" WEB.example.org. ", "web.example.org"),
        ("10.0.0.7", "10.0.0.7"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("10.0.0.7/24", "10.0.0.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("10.0.0.7/32", "10.0.0.7/32"),
        ("2001:db8::ff/64", "2001:db8::/64"),
        ("::/0", "::/0"),
    ] {
        assert_eq!(target(raw).map(|name| name.to_string()).as_deref(), Ok(canonical), "{raw}");
    }
}

#[test]
fn what_nobody_could_scan_is_no_target() {
    let long = format!("{}.example.org", "a".repeat(64));
    for raw in ["", " ", "10.0.0.256", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "a b", "web/24", &long] {
        assert_eq!(target(raw).unwrap_err().code, "malformed-target", "{raw}");
    }
}

/// Stored ids hang on it.
#[test]
fn the_id_of_a_scan_never_changes() {
    let tenant = TenantId::new(uuid!("00000000-0000-7000-8000-000000000002"));
    let id = ScanId::natural(tenant, &lane("nmap"), &Sha256::of(b"<nmaprun/>"));
    assert_eq!(id.uuid(), uuid!("a82bbcbd-10de-5e03-84ed-39aa3702923f"));
    let key = ApiKeyId::new(uuid!("00000000-0000-7000-8000-000000000006"));
    let of_key = ScanId::natural_of_key(tenant, key, &lane("nmap"), &Sha256::of(b"<nmaprun/>"));
    assert_eq!(of_key.uuid(), uuid!("7361137e-9c9d-58ab-9008-079dd5c6efdd"));
}
