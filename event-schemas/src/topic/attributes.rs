//! A record's message headers, and the spelling of each. What is derived from header and meta is a courtesy to readers
//! that are not ours, and left out where those bytes cannot be read.

use chrono::{DateTime, SecondsFormat};
use serde::Deserialize;

use super::Record;

pub(super) const SPEC_VERSION: &str = "ce_specversion";
pub(super) const ID: &str = "ce_id";
pub(super) const SOURCE: &str = "ce_source";
pub(super) const TYPE: &str = "ce_type";
pub(super) const SUBJECT: &str = "ce_subject";
pub(super) const TIME: &str = "ce_time";
pub(super) const DATA_SCHEMA: &str = "ce_dataschema";
pub(super) const CONTENT_TYPE: &str = "content-type";
pub(super) const SEQUENCE: &str = "ce_sequence";
pub(super) const LOG_EPOCH: &str = "ce_logepoch";
pub(super) const LOG_PARTITION: &str = "ce_logpartition";
pub(super) const TENANT_ID: &str = "ce_tenantid";
pub(super) const STREAM_VERSION: &str = "ce_streamversion";
pub(super) const SCHEMA_VERSION: &str = "ce_schemaversion";
pub(super) const CORRELATION_ID: &str = "ce_correlationid";
pub(super) const CAUSATION_ID: &str = "ce_causationid";
pub(super) const TRACEPARENT: &str = "ce_traceparent";
pub(super) const HEADER: &str = "securenet_header";
pub(super) const META: &str = "securenet_meta";

pub(super) const SPEC_VERSION_VALUE: &str = "1.0";
pub(super) const JSON: &str = "application/json";
/// As many digits as the highest seq has.
pub(super) const SEQUENCE_DIGITS: usize = 19;

/// What of a stored header helps others to follow a request; our spelling has no escapes in it.
#[derive(Deserialize)]
struct Links<'a> {
    #[serde(borrow, default)]
    causation: Option<&'a str>,
    #[serde(borrow, default)]
    correlation: Option<&'a str>,
}

#[derive(Deserialize)]
struct Trace<'a> {
    #[serde(borrow, default)]
    traceparent: Option<&'a str>,
}

pub(super) fn of(record: &Record) -> Vec<(&'static str, Vec<u8>)> {
    let mut headers = vec![
        (SPEC_VERSION, SPEC_VERSION_VALUE.into()),
        (ID, text(record.event_id)),
        (SOURCE, source(record).into_bytes()),
        (TYPE, record.type_name.clone().into_bytes()),
        (SUBJECT, record.key()),
        (TIME, time(record.recorded_at).into_bytes()),
        (DATA_SCHEMA, data_schema(record).into_bytes()),
        (SEQUENCE, sequence(record.seq).into_bytes()),
        (LOG_EPOCH, text(record.epoch)),
        (LOG_PARTITION, text(record.partition)),
        (TENANT_ID, text(record.tenant)),
        (STREAM_VERSION, text(record.stream_version)),
        (SCHEMA_VERSION, text(record.schema_version)),
    ];
    if record.body.is_some() {
        headers.push((CONTENT_TYPE, JSON.into()));
    }
    if let Ok(links) = serde_json::from_slice::<Links<'_>>(&record.header) {
        headers.extend(links.correlation.map(|id| (CORRELATION_ID, id.into())));
        headers.extend(links.causation.map(|id| (CAUSATION_ID, id.into())));
    }
    if let Some(Ok(trace)) = record.meta.as_deref().map(serde_json::from_slice::<Trace<'_>>) {
        headers.extend(trace.traceparent.map(|trace| (TRACEPARENT, trace.into())));
    }
    headers.push((HEADER, record.header.clone()));
    headers.extend(record.meta.clone().map(|meta| (META, meta)));
    headers
}

pub(super) fn source(record: &Record) -> String {
    format!("/organizations/{}", record.tenant)
}

pub(super) fn data_schema(record: &Record) -> String {
    format!("urn:securenet:schema:{}.v{}", record.type_name, record.schema_version)
}

pub(super) fn sequence(seq: i64) -> String {
    format!("{seq:0SEQUENCE_DIGITS$}")
}

/// The store's stamps lie between 1970 and 9999, which RFC 3339 can write.
pub(super) fn time(micros: i64) -> String {
    let at = DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH);
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn text(value: impl ToString) -> Vec<u8> {
    value.to_string().into_bytes()
}
