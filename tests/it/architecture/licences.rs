//! What `cargo deny` would say about licences, bans and sources, from the same `deny.toml` and without a network.
//! Advisories need one, so those are not looked up here.

use std::collections::BTreeSet;

use serde_json::Value;

use super::spdx::is_satisfied;
use super::{array, metadata, read, root, text};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[test]
fn every_dependency_is_under_a_licence_that_deny_toml_allows() {
    let allowed = strings_of("allow");
    assert!(!allowed.is_empty(), "deny.toml allows nothing");
    let allows = |licence: &str| allowed.contains(licence);
    let refused: Vec<String> = linked()
        .filter(|package| !is_satisfied(text(package, "license"), &allows))
        .map(|package| format!("{} {}: {}", text(package, "name"), text(package, "version"), package["license"]))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn no_banned_crate_is_linked() {
    let banned = banned();
    assert!(!banned.is_empty(), "deny.toml bans nothing");
    let met: Vec<_> = linked().map(|package| text(package, "name")).filter(|name| banned.contains(*name)).collect();
    assert!(met.is_empty(), "{met:?}");
}

#[test]
fn every_dependency_comes_from_the_registry() {
    for package in linked() {
        let source = package["source"].as_str();
        assert!(source.is_none_or(|source| source == REGISTRY), "{} comes from {source:?}", text(package, "name"));
    }
}

/// Only what was resolved for this machine; Cargo lists others without looking at them.
fn linked() -> impl Iterator<Item = &'static Value> {
    let nodes: BTreeSet<&str> = array(&metadata()["resolve"], "nodes").iter().map(|node| text(node, "id")).collect();
    array(metadata(), "packages").iter().filter(move |package| nodes.contains(text(package, "id")))
}

/// The strings of the first list of this name.
fn strings_of(name: &str) -> BTreeSet<String> {
    quoted(&list(name)).into_iter().collect()
}

fn banned() -> BTreeSet<String> {
    let crates = list("deny");
    crates
        .lines()
        .filter_map(|line| line.split_once("crate = "))
        .flat_map(|(_, rest)| quoted(rest).into_iter().next())
        .collect()
}

/// What stands between the brackets after `name = [`, comments left out.
fn list(name: &str) -> String {
    let file = read(&root().join("deny.toml"));
    let start = format!("\n{name} = [");
    let (_, rest) = file.split_once(&start).unwrap_or_else(|| panic!("deny.toml has no list {name}"));
    let (list, _) = rest.split_once("\n]").unwrap_or_else(|| panic!("the list {name} of deny.toml does not end"));
    list.lines().filter(|line| !line.trim_start().starts_with('#')).map(|line| format!("{line}\n")).collect()
}

fn quoted(list: &str) -> Vec<String> {
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}
