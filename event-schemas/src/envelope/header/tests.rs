use domain::vocabulary::{ApiKeyId, UserId};
use proptest::prelude::*;

use super::*;

const BYTES: &str = r#"{"actor":"user:01900000-0000-7000-8000-000000000001","body_len":2,"body_sha256":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","causation":"01900000-0000-7000-8000-000000000002","correlation":"01900000-0000-7000-8000-000000000003","id":"01900000-0000-7000-8000-000000000004","recorded_at":1767225600000001,"schema_version":1,"stream":"01900000-0000-7000-8000-000000000005","stream_version":3,"tenant":"01900000-0000-7000-8000-000000000006","type":"finding.confirmed"}"#;

fn id(last: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + last)
}

fn header() -> Header {
    let (body_len, body_sha256) = Header::of_body(b"{}");
    Header {
        actor: Actor::User(UserId::new(id(1))),
        body_len,
        body_sha256,
        causation: Some(id(2)),
        correlation: id(3),
        id: id(4),
        recorded_at: Timestamp::from_micros(1_767_225_600_000_001),
        schema_version: 1,
        stream: StreamId::new(id(5)),
        stream_version: 3,
        tenant: TenantId::new(id(6)),
        event_type: "finding.confirmed".into(),
    }
}

#[test]
fn the_bytes_of_a_header_are_for_ever() {
    assert_eq!(String::from_utf8(header().bytes()).unwrap(), BYTES);
    assert_eq!(Header::parse(BYTES.as_bytes()).unwrap(), header());
}

#[test]
fn a_header_that_follows_from_no_event_leaves_the_cause_out() {
    let header = Header { causation: None, ..header() };
    assert!(!String::from_utf8(header.bytes()).unwrap().contains("causation"));
    assert_eq!(Header::parse(&header.bytes()).unwrap(), header);
}

#[test]
fn a_header_commits_to_its_body() {
    assert_eq!(header().check_body(b"{}"), Ok(()));
    assert_eq!(header().check_body(b"[]"), Err(BodyMismatch));
    assert_eq!(header().check_body(b"{} "), Err(BodyMismatch));
}

#[test]
fn an_unknown_a_missing_or_a_repeated_key_is_refused() {
    let malformed = |text: String| {
        assert!(matches!(Header::parse(text.as_bytes()), Err(HeaderError::Malformed(_))), "{text}");
    };
    malformed(BYTES.replace(r#","type""#, r#","title":"x","type""#));
    malformed(BYTES.replace(r#""body_len":2,"#, ""));
    malformed(BYTES.replace(r#""body_len":2,"#, r#""body_len":2,"body_len":2,"#));
    malformed(BYTES.replace("1767225600000001", "1767225600000001.0"));
    malformed(BYTES.replace("user:0190", "person:0190"));
    malformed(format!("{BYTES}{BYTES}"));
}

#[test]
fn another_spelling_of_the_same_header_is_refused() {
    let respelled = |text: String| {
        assert!(matches!(Header::parse(text.as_bytes()), Err(HeaderError::Spelling)), "{text}");
    };
    respelled(BYTES.replacen(':', ": ", 1));
    respelled(format!("{BYTES}\n"));
    respelled(BYTES.replace("finding.", "findin\\u0067."));
    respelled(
        BYTES.replace(r#""id":"01900000-0000-7000-8000-000000000004""#, r#""id":"01900000000070008000000000000004""#),
    );
    respelled(BYTES.replace(r#""causation":"01900000-0000-7000-8000-000000000002""#, r#""causation":null"#));
    respelled(unsorted());
}

#[test]
fn a_hash_in_capitals_is_refused() {
    let capitals = BYTES.replace("44136fa355", "44136FA355");
    assert!(matches!(Header::parse(capitals.as_bytes()), Err(HeaderError::BodyHash)));
}

#[test]
fn keys_are_sorted() {
    let keys: Vec<&str> = BYTES.split(r#"":"#).filter_map(|part| part.rsplit('"').next()).collect();
    let keys = &keys[..keys.len() - 1];
    assert_eq!(keys.len(), 12);
    assert!(keys.is_sorted(), "{keys:?}");
}

/// The same header with its first key moved to the end.
fn unsorted() -> String {
    let inner = BYTES.trim_start_matches('{').trim_end_matches('}');
    let (first, rest) = inner.split_once(',').unwrap();
    format!("{{{rest},{first}}}")
}

fn any_actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        any::<u128>().prop_map(|id| Actor::User(UserId::new(Uuid::from_u128(id)))),
        any::<u128>().prop_map(|id| Actor::ApiKey(ApiKeyId::new(Uuid::from_u128(id)))),
        Just(Actor::Operator),
        Just(Actor::Timer),
        Just(Actor::Scan),
        Just(Actor::Anonymous),
    ]
}

prop_compose! {
    fn any_header()(
        actor in any_actor(),
        body: Vec<u8>,
        causation: Option<u128>,
        ids: [u128; 4],
        recorded_at: i64,
        schema_version: i16,
        stream_version: i64,
        event_type in "[a-z-]{1,20}\\.[a-z-]{1,40}",
    ) -> Header {
        let (body_len, body_sha256) = Header::of_body(&body);
        let [correlation, id, stream, tenant] = ids.map(Uuid::from_u128);
        Header {
            actor,
            body_len,
            body_sha256,
            causation: causation.map(Uuid::from_u128),
            correlation,
            id,
            recorded_at: Timestamp::from_micros(recorded_at),
            schema_version,
            stream: StreamId::new(stream),
            stream_version,
            tenant: TenantId::new(tenant),
            event_type,
        }
    }
}

proptest! {
    #[test]
    fn every_header_reads_back_from_its_bytes(header in any_header()) {
        let bytes = header.bytes();
        prop_assert!(bytes.is_ascii());
        prop_assert_eq!(Header::parse(&bytes).unwrap(), header);
    }

    #[test]
    fn whatever_parses_is_spelled_as_we_spell_it(header in any_header(), at: prop::sample::Index, byte: u8) {
        let mut bytes = header.bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(parsed) = Header::parse(&bytes) {
            prop_assert_eq!(parsed.bytes(), bytes);
        }
    }
}
