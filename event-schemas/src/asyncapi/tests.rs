use std::path::Path;
use std::{env, fs};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{broken_promises, document};
use crate::catalogue;
use crate::topic::Record;

const PATH: &str = "asyncapi.json";

/// `UPDATE_ASYNCAPI=1 cargo test -p event-schemas asyncapi` rewrites it, and refuses what would break a reader.
#[test]
fn the_committed_document_breaks_no_promise_and_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PATH);
    let described = document();
    let committed = fs::read_to_string(&path).ok().map(|text| serde_json::from_str::<Value>(&text).unwrap());
    let broken = committed.as_ref().map(|committed| broken_promises(committed, &described)).unwrap_or_default();
    assert_eq!(broken, Vec::<String>::new());
    if env::var_os("UPDATE_ASYNCAPI").is_some() {
        fs::write(&path, format!("{described:#}\n")).unwrap();
    } else {
        assert!(
            committed == Some(described),
            "{PATH} is stale; UPDATE_ASYNCAPI=1 cargo test -p event-schemas asyncapi rewrites it"
        );
    }
}

#[test]
fn every_version_that_was_ever_stored_is_a_message_of_the_channel() {
    let document = document();
    for stored in catalogue::stored_versions() {
        let name = super::name(&stored);
        let reference = &document["channels"]["events"]["messages"][&name]["$ref"];
        let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#')).unwrap();
        assert_eq!(document.pointer(pointer).unwrap()["name"], stored.name);
    }
}

#[test]
fn the_headers_that_the_relay_writes_are_the_ones_described() {
    let document = document();
    for record in [record(Some(b"{}")), record(None)] {
        let headers: Map<String, Value> = record
            .headers()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(String::from_utf8(value).unwrap())))
            .collect();
        let known = &document["components"]["schemas"]["headers"];
        for name in headers.keys() {
            assert!(known["properties"].get(name).is_some(), "{name} is not described");
        }
        // The reference is looked up in the whole document.
        let mut schema = document["components"]["messages"]["finding.confirmed.v1"]["headers"].clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let faults: Vec<String> =
            validator.iter_errors(&Value::Object(headers)).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, Vec::<String>::new());
    }
}

#[test]
fn what_readers_rely_on_does_not_go_away() {
    let old = document();
    let broken_by = |change: &dyn Fn(&mut Value)| {
        let mut new = old.clone();
        change(&mut new);
        broken_promises(&old, &new)
    };
    assert_eq!(broken_by(&|_| {}), Vec::<String>::new());
    assert_eq!(broken_by(&|new| new["channels"]["events"]["address"] = json!("elsewhere")).len(), 1);
    let without_message = broken_by(&|new| {
        new["components"]["messages"].as_object_mut().unwrap().remove("finding.raised.v1");
    });
    assert_eq!(without_message, ["finding.raised.v1 is gone, and old events of it are not"]);
    let optional = broken_by(&|new| {
        let required = new["components"]["schemas"]["headers"]["required"].as_array_mut().unwrap();
        required.retain(|name| name != "ce_sequence");
    });
    assert_eq!(optional.len(), 1, "{optional:?}");
    let narrowed = broken_by(&|new| {
        new["components"]["messages"]["finding.assigned.v1"]["payload"]["schema"]["required"] = json!(["reason"]);
    });
    assert!(!narrowed.is_empty());
    assert!(broken_by(&|new| new["components"]["messages"]["finding.closed.v2"] = json!({})).is_empty());
}

fn record(body: Option<&[u8]>) -> Record {
    let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00aa);
    Record {
        epoch: 1,
        partition: 37,
        seq: 4711,
        tenant: id,
        stream: id,
        stream_version: 2,
        event_id: id,
        type_name: "finding.confirmed".to_owned(),
        schema_version: 1,
        recorded_at: 1_760_000_000_000_000,
        header: format!(r#"{{"causation":"{id}","correlation":"{id}"}}"#).into_bytes(),
        body: body.map(<[u8]>::to_vec),
        meta: Some(br#"{"traceparent":"00-0123-01"}"#.to_vec()),
    }
}
