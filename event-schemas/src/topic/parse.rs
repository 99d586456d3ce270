//! A message's parts → a record. Every attribute has one spelling and may stand there once; whatever says a thing twice
//! must say the same. A stored header that cannot be read is not judged here: it travels on, as it does from the store.

use std::fmt::Display;
use std::str::FromStr;

use chrono::DateTime;
use domain::vocabulary::PARTITIONS;
use uuid::Uuid;

use super::{Record, attributes};
use crate::Header;

/// Which part of a message is at fault; never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    #[error("a message without {0}")]
    Missing(&'static str),
    #[error("a message with {0} twice")]
    Twice(&'static str),
    #[error("{0} is not UTF-8")]
    NotUtf8(&'static str),
    /// Not a number or an id, out of range, or not in the one spelling that we write.
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
    /// Two parts of the message contradict each other.
    #[error("{0} says another thing than the rest of the message")]
    Disagrees(&'static str),
}

/// The headers that are needed, each at most once.
#[derive(Default)]
struct Parts<'a>([Option<&'a [u8]>; NEEDED.len()]);

/// Derived attributes are not among them: others may trust them, we need not.
const NEEDED: [&str; 16] = [
    attributes::SPEC_VERSION,
    attributes::ID,
    attributes::SOURCE,
    attributes::TYPE,
    attributes::SUBJECT,
    attributes::TIME,
    attributes::DATA_SCHEMA,
    attributes::CONTENT_TYPE,
    attributes::SEQUENCE,
    attributes::LOG_EPOCH,
    attributes::LOG_PARTITION,
    attributes::TENANT_ID,
    attributes::STREAM_VERSION,
    attributes::SCHEMA_VERSION,
    attributes::HEADER,
    attributes::META,
];

pub(super) fn record<'a>(
    partition: i32,
    key: Option<&[u8]>,
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    value: Option<&[u8]>,
) -> Result<Record, TopicError> {
    let parts = Parts::collect(headers)?;
    let record = Record {
        epoch: parts.number(attributes::LOG_EPOCH)?,
        partition: parts.number(attributes::LOG_PARTITION)?,
        seq: parts.sequence()?,
        tenant: parts.id(attributes::TENANT_ID)?,
        stream: parts.id(attributes::SUBJECT)?,
        stream_version: parts.number(attributes::STREAM_VERSION)?,
        event_id: parts.id(attributes::ID)?,
        type_name: parts.text(attributes::TYPE)?.to_owned(),
        schema_version: parts.number(attributes::SCHEMA_VERSION)?,
        recorded_at: parts.time()?,
        header: parts.bytes(attributes::HEADER)?.to_vec(),
        body: value.map(<[u8]>::to_vec),
        meta: parts.find(attributes::META).map(<[u8]>::to_vec),
    };
    check_range(&record)?;
    check_message(&record, partition, key, &parts)?;
    check_header(&record)?;
    Ok(record)
}

/// What no row of the store has.
fn check_range(record: &Record) -> Result<(), TopicError> {
    let faults = [
        (record.epoch < 1, attributes::LOG_EPOCH),
        (!u16::try_from(record.partition).is_ok_and(|partition| partition < PARTITIONS), attributes::LOG_PARTITION),
        (record.seq < 1, attributes::SEQUENCE),
        (record.stream_version < 1, attributes::STREAM_VERSION),
    ];
    first(faults).map_or(Ok(()), |name| Err(TopicError::Unreadable(name)))
}

/// What the message says beside the columns.
fn check_message(record: &Record, partition: i32, key: Option<&[u8]>, parts: &Parts<'_>) -> Result<(), TopicError> {
    let key = key.ok_or(TopicError::Missing("a key"))?;
    let content_type = record.body.as_ref().map(|_| attributes::JSON);
    let faults = [
        (parts.text(attributes::SPEC_VERSION)? != attributes::SPEC_VERSION_VALUE, attributes::SPEC_VERSION),
        (parts.text(attributes::SOURCE)? != attributes::source(record), attributes::SOURCE),
        (parts.text(attributes::DATA_SCHEMA)? != attributes::data_schema(record), attributes::DATA_SCHEMA),
        (parts.find(attributes::CONTENT_TYPE) != content_type.map(str::as_bytes), attributes::CONTENT_TYPE),
        (i32::from(record.partition) != partition, attributes::LOG_PARTITION),
        (key != record.key(), "the key"),
    ];
    first(faults).map_or(Ok(()), |name| Err(TopicError::Disagrees(name)))
}

/// The header proves; an attribute that says otherwise is a lie or damage. Its hash of the body is checked with it.
fn check_header(record: &Record) -> Result<(), TopicError> {
    let Ok(header) = Header::parse(&record.header) else {
        return Ok(());
    };
    let body_differs = record.body.as_deref().is_some_and(|body| header.check_body(body).is_err());
    let faults = [
        (header.id != record.event_id, attributes::ID),
        (header.tenant.uuid() != record.tenant, attributes::TENANT_ID),
        (header.stream.uuid() != record.stream, attributes::SUBJECT),
        (header.stream_version != record.stream_version, attributes::STREAM_VERSION),
        (header.event_type != record.type_name, attributes::TYPE),
        (header.schema_version != record.schema_version, attributes::SCHEMA_VERSION),
        (header.recorded_at.micros() != record.recorded_at, attributes::TIME),
        (body_differs, "the value"),
    ];
    first(faults).map_or(Ok(()), |name| Err(TopicError::Disagrees(name)))
}

fn first<const N: usize>(faults: [(bool, &'static str); N]) -> Option<&'static str> {
    faults.into_iter().find_map(|(fault, name)| fault.then_some(name))
}

impl<'a> Parts<'a> {
    fn collect(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<Self, TopicError> {
        let mut parts = Self::default();
        for (name, value) in headers {
            let Some(place) = NEEDED.iter().position(|needed| *needed == name) else {
                continue;
            };
            if parts.0[place].replace(value).is_some() {
                return Err(TopicError::Twice(NEEDED[place]));
            }
        }
        Ok(parts)
    }

    fn find(&self, name: &'static str) -> Option<&'a [u8]> {
        NEEDED.iter().zip(self.0).find_map(|(needed, value)| if *needed == name { value } else { None })
    }

    fn bytes(&self, name: &'static str) -> Result<&'a [u8], TopicError> {
        self.find(name).ok_or(TopicError::Missing(name))
    }

    fn text(&self, name: &'static str) -> Result<&'a str, TopicError> {
        std::str::from_utf8(self.bytes(name)?).map_err(|_| TopicError::NotUtf8(name))
    }

    fn number<T: FromStr + Display>(&self, name: &'static str) -> Result<T, TopicError> {
        same_spelling(self.text(name)?).ok_or(TopicError::Unreadable(name))
    }

    fn id(&self, name: &'static str) -> Result<Uuid, TopicError> {
        same_spelling(self.text(name)?).ok_or(TopicError::Unreadable(name))
    }

    fn sequence(&self) -> Result<i64, TopicError> {
        let text = self.text(attributes::SEQUENCE)?;
        let seq = text.parse().ok().filter(|seq| attributes::sequence(*seq) == text);
        seq.ok_or(TopicError::Unreadable(attributes::SEQUENCE))
    }

    fn time(&self) -> Result<i64, TopicError> {
        let text = self.text(attributes::TIME)?;
        let micros = DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_micros());
        micros.filter(|micros| attributes::time(*micros) == text).ok_or(TopicError::Unreadable(attributes::TIME))
    }
}

/// Equal values are equal texts: no sign, no leading zero, no capitals.
fn same_spelling<T: FromStr + Display>(text: &str) -> Option<T> {
    text.parse().ok().filter(|value: &T| value.to_string() == text)
}
