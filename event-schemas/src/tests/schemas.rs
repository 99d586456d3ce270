//! The committed schemas are the types' own. `UPDATE_SCHEMAS=1 cargo test -p event-schemas` rewrites them, and refuses
//! what would break a reader.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

use crate::schemas::{Document, breaking_changes, documents};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

#[test]
fn no_committed_schema_is_broken_by_the_types_and_all_are_up_to_date() {
    let update = env::var_os("UPDATE_SCHEMAS").is_some();
    for Document { file_name, schema } in documents() {
        let path = folder().join(&file_name);
        let committed = fs::read_to_string(&path).ok().map(|text| serde_json::from_str::<Value>(&text).unwrap());
        let breaks = committed.as_ref().map(|committed| breaking_changes(committed, &schema));
        assert_eq!(breaks.unwrap_or_default(), [], "{file_name}: write a new version");
        if committed.as_ref() == Some(&schema) {
            continue;
        }
        assert!(update, "{file_name}: run with UPDATE_SCHEMAS=1 and read the difference");
        fs::write(&path, format!("{schema:#}\n")).unwrap();
    }
}

#[test]
fn no_schema_is_without_its_event() {
    let known: BTreeSet<String> = documents().map(|document| document.file_name).collect();
    let committed = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let stray: Vec<String> = committed.filter(|name| !known.contains(name)).collect();
    assert_eq!(stray, Vec::<String>::new(), "an event type that was once stored stays documented");
}

#[test]
fn every_schema_is_one_itself() {
    for document in documents() {
        assert!(jsonschema::meta::is_valid(&document.schema), "{}", document.file_name);
    }
}
