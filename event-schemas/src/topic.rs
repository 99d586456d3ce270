//! The written form of an event on Kafka: a CloudEvents 1.0 message in binary mode, from which the event's row in the
//! store can be rebuilt byte by byte. It knows no client library, produces nothing and consumes nothing.
//!
//! | part of the message | holds |
//! |---|---|
//! | partition | the event's partition in the store, 0 to 63 |
//! | key | the stream's id, as text |
//! | value | the body's bytes, verbatim; **null where the body was purged** from the log for good |
//! | `ce_specversion` | `1.0` |
//! | `ce_id` | the event's id |
//! | `ce_source` | `/organizations/<tenant id>`: with `ce_id` it is unique |
//! | `ce_type` | the stored name, `finding.raised` |
//! | `ce_subject` | the stream's id, as the key |
//! | `ce_time` | when it was recorded, RFC 3339 in UTC with exactly six digits of a second |
//! | `ce_dataschema` | `urn:securenet:schema:finding.raised.v1`, the committed file's name without `.json` |
//! | `content-type` | `application/json`; left out beside a null value |
//! | `ce_sequence` | the position's `seq`, nineteen digits, so that order of text is order of numbers |
//! | `ce_logepoch`, `ce_logpartition` | the rest of the position |
//! | `ce_tenantid`, `ce_streamversion`, `ce_schemaversion` | the columns of those names |
//! | `ce_correlationid`, `ce_causationid`, `ce_traceparent` | for tracing; derived, so left out where unknown |
//! | `securenet_header`, `securenet_meta` | the stored bytes, verbatim; the second is left out where there is none |
//!
//! A null value is not a wish to forget: the topic is never compacted, or a purged event would take the whole stream
//! with it. Headers that this release does not know are ignored, so that a newer one may add some.

mod attributes;
mod parse;
#[cfg(test)]
mod tests;

use uuid::Uuid;

pub use parse::TopicError;

/// Its number changes only with a form that the readers of this one could not read.
pub const TOPIC: &str = "securenet.events.v1";

/// A row of `store.events`, with the epoch that its position lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub epoch: i32,
    pub partition: i16,
    pub seq: i64,
    pub tenant: Uuid,
    pub stream: Uuid,
    pub stream_version: i64,
    pub event_id: Uuid,
    pub type_name: String,
    pub schema_version: i16,
    /// In microseconds since 1970.
    pub recorded_at: i64,
    pub header: Vec<u8>,
    /// None where it was purged.
    pub body: Option<Vec<u8>>,
    pub meta: Option<Vec<u8>>,
}

impl Record {
    pub fn key(&self) -> Vec<u8> {
        self.stream.to_string().into_bytes()
    }

    pub fn headers(&self) -> Vec<(&'static str, Vec<u8>)> {
        attributes::of(self)
    }

    /// A message's parts as a row again. Whatever is doubtful is refused: a reader then asks the store for that seq.
    pub fn parse<'a>(
        partition: i32,
        key: Option<&[u8]>,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
        value: Option<&[u8]>,
    ) -> Result<Self, TopicError> {
        parse::record(partition, key, headers, value)
    }
}
