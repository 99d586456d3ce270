//! The AsyncAPI document, judged by the AsyncAPI project's own parser; and what `securenet asyncapi` prints.

use std::process::Command;

use acceptance::server::binary;

use crate::tools::{asyncapi, root, said};

#[test]
fn the_committed_document_is_one_to_the_projects_own_parser() {
    let script = asyncapi().join("check.js");
    // Beside its packages, where Node looks for them.
    std::fs::copy(root().join("dev-tools/asyncapi/check.js"), &script).unwrap();
    let judged = said(Command::new("node").arg(script).arg(root().join("event-schemas/asyncapi.json")));
    let messages = event_schemas::catalogue::stored_versions().count();
    assert_eq!(judged.trim(), format!("AsyncAPI 3.0.0, {messages} messages on {}", event_schemas::topic::TOPIC));
}

#[test]
fn the_binary_prints_the_committed_document() {
    let printed = said(Command::new(binary()).arg("asyncapi"));
    assert_eq!(printed, std::fs::read_to_string(root().join("event-schemas/asyncapi.json")).unwrap());
}
