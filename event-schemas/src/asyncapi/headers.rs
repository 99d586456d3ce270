//! The headers of a message: CloudEvents 1.0 in Kafka's binary mode, our extension attributes, and the stored bytes. A
//! test holds them to what [`crate::topic`] writes.

use serde_json::{Map, Value, json};

use crate::catalogue::StoredVersion;

/// Name, whether every message has it, and what it holds.
const HEADERS: [(&str, bool, &str); 19] = [
    ("ce_specversion", true, "The version of CloudEvents."),
    ("ce_id", true, "The event's id."),
    ("ce_source", true, "The organization. With ce_id it is unique."),
    ("ce_type", true, "The event's stored name."),
    ("ce_subject", true, "The stream's id, which is also the message's key."),
    ("ce_time", true, "When it was recorded."),
    ("ce_dataschema", true, "Names the JSON Schema of the body."),
    ("content-type", false, "Left out where the body was purged."),
    ("ce_sequence", true, "The position in its partition, without gaps, padded so that text sorts as numbers do."),
    ("ce_logepoch", true, "Counts the restores of the log from a backup."),
    ("ce_logpartition", true, "The partition, which is the topic's, too."),
    ("ce_tenantid", true, "The organization's id."),
    ("ce_streamversion", true, "Counts the events of the stream, from 1 on."),
    ("ce_schemaversion", true, "The version of the event type that the body is written in."),
    ("ce_correlationid", false, "Shared by everything that follows from one request."),
    ("ce_causationid", false, "The event that led to this one."),
    ("ce_traceparent", false, "The W3C trace context of the request."),
    ("securenet_header", true, "The stored header, byte by byte: the audit proofs commit to it."),
    ("securenet_meta", false, "The stored meta, byte by byte. It may be purged."),
];

/// What all messages have in common.
pub(super) fn schema() -> Value {
    let properties: Map<String, Value> =
        HEADERS.iter().map(|(name, _, description)| ((*name).to_owned(), property(name, description))).collect();
    let required: Vec<&str> = HEADERS.iter().filter(|(_, always, _)| *always).map(|(name, _, _)| *name).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// The same, narrowed to one version of one type.
pub(super) fn of(stored: &StoredVersion) -> Value {
    let name = format!("{}.v{}", stored.name, stored.version);
    json!({ "allOf": [
        { "$ref": "#/components/schemas/headers" },
        { "type": "object", "properties": {
            "ce_type": { "const": stored.name },
            "ce_schemaversion": { "const": stored.version.to_string() },
            "ce_dataschema": { "const": format!("urn:securenet:schema:{name}") },
        } },
    ] })
}

/// A header is text, whatever it says.
fn property(name: &str, description: &str) -> Value {
    let mut property = json!({ "type": "string", "description": description });
    let rule = match name {
        "ce_specversion" => Some(("const", json!("1.0"))),
        "ce_id" | "ce_subject" | "ce_tenantid" | "ce_correlationid" | "ce_causationid" => {
            Some(("format", json!("uuid")))
        }
        "ce_source" => Some(("pattern", json!("^/organizations/[0-9a-f-]{36}$"))),
        "ce_time" => Some(("format", json!("date-time"))),
        "ce_dataschema" => Some(("pattern", json!("^urn:securenet:schema:[a-z.-]+\\.v[0-9]+$"))),
        "content-type" => Some(("const", json!("application/json"))),
        "ce_sequence" => Some(("pattern", json!("^[0-9]{19}$"))),
        "ce_logepoch" | "ce_logpartition" | "ce_streamversion" | "ce_schemaversion" => {
            Some(("pattern", json!("^[0-9]+$")))
        }
        _ => None, // names are ours, but text all the same
    };
    if let Some((keyword, value)) = rule {
        property[keyword] = value;
    }
    property
}
