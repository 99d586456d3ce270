//! The arrows between crates: who may name whom, and what some may not even meet through others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{array, metadata, text};

/// What the code of each crate may name of ours. Tests of a crate may name more, but never the acceptance tests.
const ARROWS: [(&str, &[&str]); 11] = [
    ("domain", &[]),
    ("sealed", &[]),
    ("event-schemas", &["domain", "sealed"]),
    ("scan-formats", &["domain"]),
    ("platform", &["sealed"]),
    ("command-api", &["domain", "event-schemas", "platform", "scan-formats"]),
    ("projector", &["domain", "event-schemas", "platform"]),
    ("query-api", &["platform"]),
    ("securenet", &["command-api", "platform", "projector", "query-api"]),
    ("acceptance", &EVERYTHING),
    ("bench", &EVERYTHING),
];
const EVERYTHING: [&str; 9] = [
    "command-api",
    "domain",
    "event-schemas",
    "platform",
    "projector",
    "query-api",
    "scan-formats",
    "sealed",
    "securenet",
];

/// What a crate must not reach, however many crates lie in between.
const OUT_OF_REACH: [(&str, &[&str]); 6] = [
    ("domain", &["sqlx", "actix-web", "tokio", "reqwest", "serde_json", "rdkafka", "redis", "rand", "chrono"]),
    ("sealed", &["sqlx", "actix-web", "tokio"]),
    ("event-schemas", &["sqlx", "actix-web", "tokio"]),
    ("scan-formats", &["sqlx", "actix-web", "tokio"]),
    ("platform", &["domain", "event-schemas"]),
    ("query-api", &["domain", "event-schemas", "command-api", "projector"]),
];

/// These print and have a `main`; everything else is a library.
const PROGRAMS: [&str; 2] = ["bench", "securenet"];

#[test]
fn every_crate_names_only_what_it_may() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let ours = ours();
    for package in &ours {
        let name = text(package, "name");
        let may = allowed.get(name).unwrap_or_else(|| panic!("{name} is not in the table of arrows"));
        for named in named(package, false).intersection(&names(&ours)) {
            assert!(may.contains(named), "{name} names {named}, which the design does not allow");
        }
    }
    assert_eq!(ours.len(), allowed.len(), "the table of arrows names crates that do not exist");
}

#[test]
fn nothing_names_the_tests_or_the_benchmarks() {
    for package in ours() {
        let all = named(package, true);
        assert!(!all.contains("acceptance") && !all.contains("bench"), "{} names them", text(package, "name"));
    }
}

#[test]
fn what_must_stay_apart_does_not_meet_through_others() {
    for (name, forbidden) in OUT_OF_REACH {
        let reached = reached_by(name);
        let met: Vec<_> = forbidden.iter().filter(|forbidden| reached.contains(**forbidden)).collect();
        assert!(met.is_empty(), "{name} reaches {met:?}");
    }
}

#[test]
fn only_the_binary_and_the_benchmarks_are_programs() {
    for package in ours() {
        let name = text(package, "name");
        let is_program = array(package, "targets").iter().any(|target| array(target, "kind").contains(&"bin".into()));
        assert!(!is_program || PROGRAMS.contains(&name), "{name} has a main");
    }
}

fn ours() -> Vec<&'static Value> {
    let members = array(metadata(), "workspace_members");
    array(metadata(), "packages").iter().filter(|package| members.contains(&package["id"])).collect()
}

fn names<'a>(packages: &[&'a Value]) -> BTreeSet<&'a str> {
    packages.iter().map(|package| text(package, "name")).collect()
}

/// The crates in a manifest.
fn named(package: &Value, in_tests_too: bool) -> BTreeSet<&str> {
    let dependencies = array(package, "dependencies").iter();
    dependencies
        .filter(|dependency| in_tests_too || dependency["kind"].as_str() != Some("dev"))
        .map(|dependency| text(dependency, "name"))
        .collect()
}

/// The crates that are linked with this one, as Cargo resolved them; those of its tests left out.
fn reached_by(name: &str) -> BTreeSet<&'static str> {
    let nodes: BTreeMap<&str, &Value> =
        array(&metadata()["resolve"], "nodes").iter().map(|node| (text(node, "id"), node)).collect();
    let packages: BTreeMap<&str, &str> =
        array(metadata(), "packages").iter().map(|package| (text(package, "id"), text(package, "name"))).collect();
    let start = ours().into_iter().find(|package| text(package, "name") == name).expect("the crate exists");
    let mut reached = BTreeSet::new();
    let mut open = vec![text(start, "id")];
    while let Some(id) = open.pop() {
        for dependency in array(nodes[id], "deps") {
            let is_linked = array(dependency, "dep_kinds").iter().any(|kind| kind["kind"].is_null());
            let next = text(dependency, "pkg");
            if is_linked && reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached.into_iter().map(|id| packages[id]).collect()
}
