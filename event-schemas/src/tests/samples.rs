//! One golden sample per event version. A sample is what a release once wrote: it is never edited, and it reads for
//! ever. `samples/SHA256SUMS` locks them; a new sample adds a line there (`sha256sum`'s format).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use domain::vocabulary::{Sha256, StreamKind};
use domain::{access, api_key, device, finding, organization, projection, scan, session, user};
use sealed::{Field, Opened, Place};
use serde_json::Value;

use super::*;
use crate::catalogue::{self, StoredVersion};
use crate::codec::{NoKeys, encode_written};
use crate::user::{DISPLAY_NAME_PATH, EMAIL_PATH, LOGIN_PATH};
use crate::{Decoded, Recorded, Written, decode, decode_event, encode};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

/// `finding/raised.v1.json`
fn file_name(stored: &StoredVersion) -> String {
    format!("{}.v{}.json", stored.name.replacen('.', "/", 1), stored.version)
}

fn sample(stored: &StoredVersion) -> Vec<u8> {
    let name = file_name(stored);
    fs::read(folder().join(&name)).unwrap_or_else(|error| panic!("every event version has a sample; {name}: {error}"))
}

fn written(stored: &StoredVersion) -> Written {
    match decode(stored.name, stored.version, Some(&sample(stored))).unwrap() {
        Decoded::Event(written) => written,
        Decoded::Purged => panic!("a sample has a body"),
    }
}

fn is_newest(stored: &StoredVersion) -> bool {
    catalogue::of_name(stored.name).unwrap().version == stored.version
}

/// Reads the sample as the domain's event, writes that, and reads it again.
fn same_again<E: Recorded + PartialEq + std::fmt::Debug>(stored: &StoredVersion) {
    let read = |version, body: &[u8]| match decode_event::<E>(stored.name, version, Some(body)).unwrap() {
        Decoded::Event(event) => event,
        Decoded::Purged => panic!("a sample has a body"),
    };
    let event = read(stored.version, &sample(stored));
    let encoded = encode(&event, &sealing(&NoKeys)).unwrap();
    assert_eq!(encoded.type_name, stored.name);
    assert_eq!(read(encoded.schema_version, &encoded.body), event, "{}", file_name(stored));
    if is_newest(stored) {
        assert_eq!(json(&encoded.body), json(&sample(stored)), "{} loses nothing in the domain", file_name(stored));
    }
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn every_sample_reads_and_writes_as_the_same_event() {
    for stored in catalogue::stored_versions() {
        match stored.kind {
            StreamKind::Organization => same_again::<organization::Event>(&stored),
            // Sealed on the way in and withheld on the way out: tested below.
            StreamKind::User if stored.name == "user.invited" => {}
            StreamKind::User => same_again::<user::Event>(&stored),
            StreamKind::Session => same_again::<session::Event>(&stored),
            StreamKind::ApiKey => same_again::<api_key::Event>(&stored),
            StreamKind::Access => same_again::<access::Event>(&stored),
            StreamKind::Device => same_again::<device::Event>(&stored),
            StreamKind::Finding => same_again::<finding::Event>(&stored),
            StreamKind::Scan => same_again::<scan::Event>(&stored),
            StreamKind::Projection => same_again::<projection::Event>(&stored),
        }
    }
}

#[test]
fn every_sample_of_a_newest_version_is_written_as_it_was() {
    for stored in catalogue::stored_versions().filter(is_newest) {
        let encoded = encode_written(&written(&stored)).unwrap();
        assert_eq!(json(&encoded.body), json(&sample(&stored)), "{}", file_name(&stored));
    }
}

#[test]
fn the_sealed_fields_of_a_sample_still_open() {
    let invited = catalogue::stored_versions().find(|stored| stored.name == "user.invited").unwrap();
    let Written::User(crate::user::Written::Invited(invited)) = written(&invited) else {
        panic!("an invitation reads as an invitation");
    };
    let opened = |field: &Field, path| {
        let place = Place { tenant: TENANT.uuid(), event_id: EVENT, path };
        match sealed::open(field, place, Some(&sample_key())).unwrap() {
            Opened::Clear(text) => text,
            Opened::Erased => panic!("the key is there"),
        }
    };
    assert_eq!(opened(&invited.login, LOGIN_PATH), "ana");
    assert_eq!(opened(&invited.display_name.unwrap(), DISPLAY_NAME_PATH), "Ana Novák");
    assert_eq!(opened(&invited.email.unwrap(), EMAIL_PATH), "ana@example.org");
}

#[test]
fn every_sample_fills_every_field() {
    for stored in catalogue::stored_versions() {
        let (sample, schema) = (json(&sample(&stored)), stored.schema.clone().to_value());
        assert_eq!(missing(&schema, &sample), Vec::<String>::new(), "{}", file_name(&stored));
    }
}

/// Properties that the schema knows and the sample leaves out, at any depth.
fn missing(schema: &Value, sample: &Value) -> Vec<String> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let each = properties.flat_map(|(name, schema)| match sample.get(name) {
        Some(sample) => missing(schema, sample),
        None => vec![name.clone()],
    });
    each.collect()
}

#[test]
fn every_sample_satisfies_its_schema() {
    for stored in catalogue::stored_versions() {
        let validator = jsonschema::validator_for(&stored.schema.clone().to_value()).unwrap();
        let faults: Vec<String> =
            validator.iter_errors(&json(&sample(&stored))).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, Vec::<String>::new(), "{}", file_name(&stored));
    }
}

#[test]
fn no_sample_was_edited() {
    let lock = fs::read_to_string(folder().join("SHA256SUMS")).unwrap();
    let locked: BTreeMap<String, String> = lock
        .lines()
        .map(|line| line.split_once("  ").expect("a hash, two spaces, a file name"))
        .map(|(hash, name)| (name.to_owned(), hash.to_owned()))
        .collect();
    let found: BTreeMap<String, String> = catalogue::stored_versions()
        .map(|stored| (file_name(&stored), Sha256::of(&sample(&stored)).to_string()))
        .collect();
    assert_eq!(found, locked, "a sample is for ever: restore it, and write a new version instead");
}

#[test]
fn no_sample_is_without_its_event() {
    let mut stray = vec![];
    for aggregate in fs::read_dir(folder()).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir()) {
        for file in fs::read_dir(aggregate.path()).unwrap().map(Result::unwrap) {
            stray.push(format!("{}/{}", aggregate.file_name().display(), file.file_name().display()));
        }
    }
    stray.retain(|name| !catalogue::stored_versions().any(|stored| file_name(&stored) == *name));
    assert_eq!(stray, Vec::<String>::new(), "an event type that was once stored stays readable");
}
