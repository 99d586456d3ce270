//! The topic as an AsyncAPI 3 document, for whoever consumes events and is not ours: one channel, one message for every
//! version that was ever stored, with its headers and the committed JSON Schema of its body.
//!
//! It is written from the catalogue alone, so it cannot know less than the log; it names no server, since each
//! deployment has its own. The committed `asyncapi.json` is compared with it, as the schemas are with theirs.

mod compatibility;
mod headers;

pub use compatibility::broken_promises;

use serde_json::{Map, Value, json};

use crate::catalogue::{self, StoredVersion};
use crate::topic::TOPIC;

/// The topic's, which is the store's.
const PARTITIONS: u32 = 64;
/// As the Kafka binding of AsyncAPI counts its own versions.
const BINDING_VERSION: &str = "0.5.0";
/// Our schemas use nothing that came after it, and every tool for AsyncAPI reads it.
const SCHEMA_FORMAT: &str = "application/schema+json;version=draft-07";

const DESCRIPTION: &str = "Every event of every organization, in the order in which it was recorded.\n\n\
    Delivery is at least once. Within a partition the first occurrences of a position are in order and complete; what \
    comes again is a repetition and has the same bytes. So a consumer keeps, per partition, the last `(ce_logepoch, \
    ce_sequence)` it has processed and drops what is not later, and commits its offset after it has processed. A stream \
    lies in one partition. A restore from backup begins a new epoch: positions of the older one at or after its first \
    sequence number are void.\n\n\
    A null value is an event whose body was purged for good. Personal data is sealed under keys that are not published. \
    Headers and properties may be added at any time; none that is required here goes away, and a changed event is a new \
    version beside the old one.";

/// The whole document, always in the same spelling.
pub fn document() -> Value {
    let versions: Vec<StoredVersion> = catalogue::stored_versions().collect();
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:securenet:events",
        "info": {
            "title": "SecureNet events",
            "version": "1",
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "defaultContentType": "application/json",
        "channels": { "events": channel(&versions) },
        "operations": {
            "publishEvents": {
                "action": "send",
                "channel": { "$ref": "#/channels/events" },
                "summary": "The relay publishes what the event store has recorded.",
            },
        },
        "components": { "messages": messages(&versions), "schemas": { "headers": headers::schema() } },
    })
}

fn channel(versions: &[StoredVersion]) -> Value {
    let messages: Map<String, Value> = versions
        .iter()
        .map(|stored| {
            let name = name(stored);
            let reference = json!({ "$ref": format!("#/components/messages/{name}") });
            (name, reference)
        })
        .collect();
    json!({
        "address": TOPIC,
        "title": "The event log",
        "messages": messages,
        "bindings": { "kafka": {
            "topic": TOPIC,
            "partitions": PARTITIONS,
            "topicConfiguration": { "cleanup.policy": ["delete"] },
            "bindingVersion": BINDING_VERSION,
        } },
    })
}

fn messages(versions: &[StoredVersion]) -> Map<String, Value> {
    versions.iter().map(|stored| (name(stored), message(stored))).collect()
}

fn message(stored: &StoredVersion) -> Value {
    let mut payload = stored.schema.clone().to_value();
    // Draft 2020-12 is what they are committed as; here another format is named.
    payload.as_object_mut().map(|schema| schema.remove("$schema"));
    let description = payload.get("description").cloned();
    let mut message = json!({
        "name": stored.name,
        "title": name(stored),
        "tags": [{ "name": stored.kind.as_str() }],
        "contentType": "application/json",
        "headers": headers::of(stored),
        "payload": { "schemaFormat": SCHEMA_FORMAT, "schema": payload },
        "bindings": { "kafka": {
            "key": { "type": "string", "format": "uuid", "description": "The stream's id." },
            "bindingVersion": BINDING_VERSION,
        } },
    });
    if let Some(description) = description {
        message["summary"] = description;
    }
    message
}

/// As its schema's file and its `ce_dataschema` say it.
fn name(stored: &StoredVersion) -> String {
    format!("{}.v{}", stored.name, stored.version)
}

#[cfg(test)]
mod tests;
