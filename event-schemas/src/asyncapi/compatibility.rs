//! What a change of the document breaks for those who read by the old one.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::schemas::breaking_changes;

/// In words; none if whoever reads by `old` can go on.
pub fn broken_promises(old: &Value, new: &Value) -> Vec<String> {
    let mut broken = vec![];
    for pointer in ["/channels/events/address", "/channels/events/bindings/kafka/partitions"] {
        if old.pointer(pointer) != new.pointer(pointer) {
            broken.push(format!("{pointer} is another one"));
        }
    }
    for name in names(old).difference(&names(new)) {
        broken.push(format!("{name} is gone, and old events of it are not"));
    }
    for name in names(old).intersection(&names(new)) {
        let pointer = format!("/components/messages/{name}/payload/schema");
        broken.extend(changes(old, new, &pointer));
    }
    broken.extend(changes(old, new, "/components/schemas/headers"));
    broken
}

fn names(document: &Value) -> BTreeSet<&String> {
    let messages = document.pointer("/components/messages").and_then(Value::as_object);
    messages.into_iter().flatten().map(|(name, _)| name).collect()
}

fn changes(old: &Value, new: &Value, pointer: &str) -> Vec<String> {
    let nothing = Value::Bool(true);
    let of = |document: &Value| document.pointer(pointer).cloned().unwrap_or_else(|| nothing.clone());
    let breaks = breaking_changes(&of(old), &of(new));
    breaks.into_iter().map(|found| format!("{pointer}{}: {:?}", found.path, found.what)).collect()
}
