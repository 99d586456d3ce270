use domain::vocabulary::{StreamId, TenantId, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use uuid::uuid;

use super::*;
use crate::{Actor, Header};

type Headers = Vec<(String, Vec<u8>)>;

fn header(body: &[u8]) -> Header {
    let (body_len, body_sha256) = Header::of_body(body);
    Header {
        actor: Actor::Scan,
        body_len,
        body_sha256,
        causation: Some(uuid!("01900000-0000-7000-8000-000000000002")),
        correlation: uuid!("01900000-0000-7000-8000-000000000003"),
        id: uuid!("01900000-0000-7000-8000-000000000004"),
        recorded_at: Timestamp::from_micros(1_767_225_600_000_001),
        schema_version: 1,
        stream: StreamId::new(uuid!("01900000-0000-7000-8000-000000000005")),
        stream_version: 3,
        tenant: TenantId::new(uuid!("01900000-0000-7000-8000-000000000006")),
        event_type: "finding.confirmed".into(),
    }
}

fn record() -> Record {
    let body = br#"{"observed_at":1}"#;
    of_header(&header(body), body)
}

fn of_header(header: &Header, body: &[u8]) -> Record {
    Record {
        epoch: 2,
        partition: 37,
        seq: 4711,
        tenant: header.tenant.uuid(),
        stream: header.stream.uuid(),
        stream_version: header.stream_version,
        event_id: header.id,
        type_name: header.event_type.clone(),
        schema_version: header.schema_version,
        recorded_at: header.recorded_at.micros(),
        header: header.bytes(),
        body: Some(body.to_vec()),
        meta: Some(br#"{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}"#.to_vec()),
    }
}

fn headers_of(record: &Record) -> Headers {
    record.headers().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn parse(record: &Record, headers: &Headers) -> Result<Record, TopicError> {
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    Record::parse(record.partition.into(), Some(&record.key()), headers, record.body.as_deref())
}

/// The record's own headers with one changed, or taken away.
fn with(name: &str, value: Option<&[u8]>) -> Result<Record, TopicError> {
    let record = record();
    let mut headers = headers_of(&record);
    assert!(headers.iter().any(|(own, _)| own == name), "{name} is a header");
    headers.retain(|(own, _)| own != name);
    headers.extend(value.map(|value| (name.to_owned(), value.to_vec())));
    parse(&record, &headers)
}

#[test]
fn the_headers_of_a_message_are_for_ever() {
    let written: Vec<String> = record()
        .headers()
        .into_iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8(value).unwrap()))
        .collect();
    let header = String::from_utf8(record().header).unwrap();
    let expected = [
        "ce_specversion: 1.0",
        "ce_id: 01900000-0000-7000-8000-000000000004",
        "ce_source: /organizations/01900000-0000-7000-8000-000000000006",
        "ce_type: finding.confirmed",
        "ce_subject: 01900000-0000-7000-8000-000000000005",
        "ce_time: 2026-01-01T00:00:00.000001Z",
        "ce_dataschema: urn:securenet:schema:finding.confirmed.v1",
        "ce_sequence: 0000000000000004711",
        "ce_logepoch: 2",
        "ce_logpartition: 37",
        "ce_tenantid: 01900000-0000-7000-8000-000000000006",
        "ce_streamversion: 3",
        "ce_schemaversion: 1",
        "content-type: application/json",
        "ce_correlationid: 01900000-0000-7000-8000-000000000003",
        "ce_causationid: 01900000-0000-7000-8000-000000000002",
        "ce_traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        &format!("securenet_header: {header}"),
        r#"securenet_meta: {"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}"#,
    ];
    assert_eq!(written, expected);
    assert_eq!(String::from_utf8(record().key()).unwrap(), "01900000-0000-7000-8000-000000000005");
}

#[test]
fn attribute_names_are_what_cloud_events_allows() {
    for (name, _) in record().headers() {
        let attribute = name.strip_prefix("ce_").unwrap_or("content");
        assert!(attribute.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{name}");
        assert!(attribute.len() <= 20, "{name}");
    }
}

#[test]
fn a_purged_body_is_a_null_value_and_no_content_type() {
    let record = Record { body: None, meta: None, ..record() };
    let headers = headers_of(&record);
    assert!(!headers.iter().any(|(name, _)| name == "content-type" || name == "securenet_meta"));
    assert_eq!(parse(&record, &headers), Ok(record.clone()));
    let empty = Record::parse(
        37,
        Some(&record.key()),
        headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())),
        Some(b""),
    );
    assert_eq!(empty, Err(TopicError::Disagrees("content-type")));
}

#[test]
fn a_header_and_a_body_that_cannot_be_read_travel_on_verbatim() {
    for header in [b"\x00\xff".as_slice(), b"{}", b""] {
        let record = Record { header: header.to_vec(), meta: Some(vec![0xff]), body: Some(vec![0xfe]), ..record() };
        assert_eq!(parse(&record, &headers_of(&record)), Ok(record));
    }
}

#[test]
fn a_message_lacks_nothing_and_says_nothing_twice() {
    let needless = ["securenet_meta", "ce_correlationid", "ce_causationid", "ce_traceparent"];
    for (name, value) in record().headers() {
        let without = with(name, None);
        match name {
            "securenet_meta" => assert_eq!(without, Ok(Record { meta: None, ..record() })),
            "content-type" => assert_eq!(without, Err(TopicError::Disagrees(name))),
            _ if needless.contains(&name) => assert_eq!(without, Ok(record())),
            _ => assert_eq!(without, Err(TopicError::Missing(name))),
        }
        let mut twice = headers_of(&record());
        twice.push((name.to_owned(), value));
        let derived = needless[1..].contains(&name);
        let expected = if derived { Ok(record()) } else { Err(TopicError::Twice(name)) };
        assert_eq!(parse(&record(), &twice), expected, "{name}");
    }
}

#[test]
fn what_is_not_our_spelling_is_refused() {
    for name in ["ce_id", "ce_type", "ce_time", "ce_sequence", "ce_logepoch", "ce_source", "ce_specversion"] {
        assert_eq!(with(name, Some(b"\xff")), Err(TopicError::NotUtf8(name)));
    }
    let hostile: [(&str, &[&str]); 8] = [
        ("ce_logepoch", &["", "0", "-1", "+2", "02", " 2", "2147483648", "two", "2.0"]),
        ("ce_logpartition", &["64", "-1", "037", "65573", ""]),
        ("ce_sequence", &["4711", "0000000000000000000", "9999999999999999999", "-000000000000004711", ""]),
        ("ce_streamversion", &["0", "9223372036854775808", "3 "]),
        ("ce_schemaversion", &["32768", "1.0", ""]),
        ("ce_id", &["01900000-0000-7000-8000-00000000000A", "01900000000070008000000000000004", "{}"]),
        ("ce_tenantid", &["", "urn:uuid:01900000-0000-7000-8000-000000000006"]),
        ("ce_time", &["2026-01-01T00:00:00.000001+00:00", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00.000001Z", "1"]),
    ];
    for (name, values) in hostile {
        for value in values {
            assert_eq!(with(name, Some(value.as_bytes())), Err(TopicError::Unreadable(name)), "{name}: {value:?}");
        }
    }
}

#[test]
fn what_contradicts_the_stored_header_is_refused() {
    let other = "01900000-0000-7000-8000-000000000009";
    for (name, value) in [
        ("ce_specversion", "0.3"),
        ("ce_id", other),
        ("ce_source", "/organizations/else"),
        ("ce_type", "finding.resolved"),
        ("ce_time", "2026-01-01T00:00:00.000002Z"),
        ("ce_dataschema", "urn:securenet:schema:finding.confirmed.v2"),
        ("ce_streamversion", "4"),
        ("ce_logpartition", "36"),
        ("content-type", "text/plain"),
    ] {
        assert!(matches!(with(name, Some(value.as_bytes())), Err(TopicError::Disagrees(_))), "{name}");
    }
    let mut another = record();
    another.body = Some(b"{}".to_vec());
    assert_eq!(parse(&another, &headers_of(&another)), Err(TopicError::Disagrees("the value")));
    let tenant = Record { tenant: uuid!("01900000-0000-7000-8000-000000000009"), ..record() };
    assert_eq!(parse(&tenant, &headers_of(&tenant)), Err(TopicError::Disagrees("ce_tenantid")));
}

#[test]
fn key_and_partition_must_be_the_records() {
    let (record, headers) = (record(), record().headers());
    let read = |partition, key: Option<&[u8]>| {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_slice()));
        Record::parse(partition, key, headers, record.body.as_deref())
    };
    assert_eq!(read(37, None), Err(TopicError::Missing("a key")));
    assert_eq!(read(37, Some(b"01900000")), Err(TopicError::Disagrees("the key")));
    assert_eq!(read(38, Some(&record.key())), Err(TopicError::Disagrees("ce_logpartition")));
}

proptest! {
    #[test]
    fn whatever_is_written_reads_back(
        (epoch, partition, seq, version) in (1..i32::MAX, 0..64_i16, 1..i64::MAX, 1..i64::MAX),
        micros in 0..Timestamp::MAX.micros(),
        body in option::of(vec(any::<u8>(), 0..64)),
        meta in option::of(vec(any::<u8>(), 0..64)),
    ) {
        let bytes = body.clone().unwrap_or_default();
        let header =
            Header { recorded_at: Timestamp::from_micros(micros), stream_version: version, ..header(&bytes) };
        let record = Record { epoch, partition, seq, body, meta, ..of_header(&header, &bytes) };
        prop_assert_eq!(parse(&record, &headers_of(&record)), Ok(record));
    }

    #[test]
    fn no_message_whatever_panics(
        headers in vec((0..16_usize, vec(any::<u8>(), 0..40)), 0..24),
        key in option::of(vec(any::<u8>(), 0..40)),
        value in option::of(vec(any::<u8>(), 0..40)),
    ) {
        let names = record().headers();
        let headers = headers.iter().map(|(place, value)| (names[*place].0, value.as_slice()));
        Record::parse(1, key.as_deref(), headers, value.as_deref()).unwrap_err();
    }
}
