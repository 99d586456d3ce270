//! Every event type there is: stored name, newest version, kind of stream. Names are storage; renaming a Rust type
//! changes nothing here, and a name once used is never used for something else.

use std::collections::HashMap;
use std::sync::LazyLock;

use domain::vocabulary::StreamKind;
use schemars::Schema;

use crate::family::{Family, Fault};
use crate::{Written, access, api_key, device, finding, organization, projection, scan, session, user};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType {
    pub name: &'static str,
    /// The newest, which is what is written.
    pub version: i16,
    pub kind: StreamKind,
}

/// One version of one event type, as it may lie in the log.
pub struct StoredVersion {
    pub name: &'static str,
    pub version: i16,
    pub kind: StreamKind,
    pub schema: Schema,
}

const AGGREGATES: [&[Family<Written>]; 9] = [
    organization::FAMILIES,
    user::FAMILIES,
    session::FAMILIES,
    api_key::FAMILIES,
    access::FAMILIES,
    device::FAMILIES,
    finding::FAMILIES,
    scan::FAMILIES,
    projection::FAMILIES,
];

/// A look-up happens for every event that is read.
static BY_NAME: LazyLock<HashMap<&'static str, &'static Family<Written>>> =
    LazyLock::new(|| families().map(|family| (family.name, family)).collect());

/// All of them, aggregate by aggregate.
pub fn all() -> impl Iterator<Item = EventType> {
    families().map(event_type)
}

pub fn of_name(name: &str) -> Option<EventType> {
    family(name).map(event_type)
}

pub fn of_kind(kind: StreamKind) -> impl Iterator<Item = EventType> {
    all().filter(move |event| event.kind == kind)
}

/// Every version that was ever stored, with its JSON Schema.
pub fn stored_versions() -> impl Iterator<Item = StoredVersion> {
    families().flat_map(|family| {
        family.versions.iter().map(|stored| StoredVersion {
            name: family.name,
            version: stored.version,
            kind: family.kind,
            schema: (stored.schema)(),
        })
    })
}

/// Called at start-up: a process that cannot read what is stored must not begin to.
pub fn check_catalogue() -> Result<(), Vec<Fault>> {
    let mut faults = vec![];
    let mut names = vec![];
    for family in families() {
        family.check(&mut faults);
        if names.contains(&family.name) {
            faults.push(Fault::NameTwice(family.name));
        }
        names.push(family.name);
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

pub(crate) fn family(name: &str) -> Option<&'static Family<Written>> {
    BY_NAME.get(name).copied()
}

fn families() -> impl Iterator<Item = &'static Family<Written>> {
    AGGREGATES.into_iter().flatten()
}

fn event_type(family: &Family<Written>) -> EventType {
    EventType { name: family.name, version: family.newest_version(), kind: family.kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_no_fault() {
        assert_eq!(check_catalogue(), Ok(()));
    }

    #[test]
    fn a_stored_name_begins_with_its_kind() {
        for event in all() {
            let (kind, _) = event.name.split_once('.').unwrap();
            assert_eq!(kind, event.kind.as_str(), "{}", event.name);
        }
    }

    #[test]
    fn every_event_is_found_by_its_name() {
        assert!(all().count() > 40);
        for event in all() {
            assert_eq!(of_name(event.name), Some(event));
            assert!(of_kind(event.kind).any(|of_kind| of_kind == event));
        }
        assert_eq!(of_name("finding.forgotten"), None);
    }
}
