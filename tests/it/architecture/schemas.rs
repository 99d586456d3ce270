//! An event is for ever, and so is its schema: today's is compared with every version of it that was ever committed, and
//! none may ever have been deleted. The same for the AsyncAPI document.

use std::collections::BTreeMap;
use std::process::Command;

use event_schemas::asyncapi::broken_promises;
use event_schemas::schemas::breaking_changes;
use serde_json::Value;

use super::{read, root};

const SCHEMAS: &str = "event-schemas/schemas";
const DOCUMENT: &str = "event-schemas/asyncapi.json";

#[test]
fn no_schema_breaks_any_version_of_it_that_was_ever_committed() {
    let mut broken = vec![];
    for (path, versions) in history(SCHEMAS) {
        let now = root().join(&path);
        assert!(now.is_file(), "{path} was committed once, and events of it lie in logs");
        let now: Value = serde_json::from_str(&read(&now)).expect("a schema is JSON");
        for version in versions {
            let breaks = breaking_changes(&version.value, &now);
            broken.extend(breaks.into_iter().map(|found| format!("{path} since {}: {found:?}", version.commit)));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_document_keeps_every_promise_it_ever_made() {
    let now: Value = serde_json::from_str(&read(&root().join(DOCUMENT))).expect("the document is JSON");
    let mut broken = vec![];
    for version in history(DOCUMENT).into_values().flatten() {
        let breaks = broken_promises(&version.value, &now);
        broken.extend(breaks.into_iter().map(|found| format!("since {}: {found}", version.commit)));
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

struct Version {
    commit: String,
    value: Value,
}

/// Each file that any commit on the way here has put below `path`, in each text it had. A source archive has no history
/// and a shallow clone a short one; the full one is where commits are made.
fn history(path: &str) -> BTreeMap<String, Vec<Version>> {
    let mut found: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    let log = git(&["log", "--format=commit %h", "--raw", "--no-abbrev", "--no-renames", "--full-history", "--", path]);
    let mut commit = String::new();
    for line in log.unwrap_or_default().lines() {
        match line.strip_prefix("commit ") {
            Some(named) => commit = named.to_owned(),
            None => {
                let Some((blob, path)) = written(line) else { continue };
                let text = git(&["cat-file", "blob", blob]).expect("what a commit names is there");
                let value = serde_json::from_str(&text).expect("what was committed is JSON");
                found.entry(path.to_owned()).or_default().push(Version { commit: commit.clone(), value });
            }
        }
    }
    found
}

/// `:100644 100644 <old> <new> M<tab>path`: the blob a commit wrote. A deletion writes none; the file's earlier text
/// comes with an earlier commit.
fn written(line: &str) -> Option<(&str, &str)> {
    let (facts, path) = line.strip_prefix(':')?.split_once('\t')?;
    let blob = facts.split(' ').nth(3)?;
    (!blob.bytes().all(|digit| digit == b'0')).then_some((blob, path))
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(root()).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).expect("our files are UTF-8"))
}
