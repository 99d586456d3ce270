use domain::finding::Event;
use domain::user;
use domain::vocabulary::{InvitationId, LoginName, Name, Personal, Role, Timestamp};
use sealed::{Opened, Place};

use super::*;
use crate::codec::{NoKeys, encode_written};
use crate::user::{DISPLAY_NAME_PATH, LOGIN_PATH};
use crate::{BODY_MAX_BYTES, DecodeError, Decoded, EncodeError, Written, decode, decode_event, encode, finding};

fn invited(login: Personal<LoginName>) -> user::Event {
    user::Event::Invited {
        login,
        display_name: Some(Personal::Clear(Name::parse("Marguerite").unwrap())),
        email: None,
        role: Role::Analyst,
        invitation: InvitationId::new(EVENT),
        expires_at: Timestamp::from_micros(1),
    }
}

fn marguerite() -> Personal<LoginName> {
    Personal::Clear(LoginName::parse("marguerite").unwrap())
}

#[test]
fn a_type_nobody_knows_is_told_from_a_version_nobody_knows() {
    let unknown = decode("finding.forgotten", 1, Some(b"{}")).unwrap_err();
    assert!(matches!(unknown, DecodeError::UnknownType(name) if name == "finding.forgotten"));
    for version in [0, 2, -1] {
        let unknown = decode("finding.confirmed", version, Some(b"{}")).unwrap_err();
        assert!(
            matches!(unknown, DecodeError::UnknownVersion { type_name: "finding.confirmed", version: v } if v == version)
        );
    }
}

#[test]
fn a_body_that_is_no_event_is_broken() {
    for body in ["", "null", "[]", "{", r#"{"observed_at":"noon"}"#, "{}", "{\"observed_at\":1}x"] {
        let broken = decode("finding.detected-again", 1, Some(body.as_bytes())).unwrap_err();
        assert!(
            matches!(broken, DecodeError::Broken { type_name: "finding.detected-again", version: 1, .. }),
            "{body}"
        );
    }
}

#[test]
fn the_error_of_a_broken_body_repeats_none_of_its_values() {
    let said = |body: &str| match decode("user.invited", 1, Some(body.as_bytes())).unwrap_err() {
        DecodeError::Broken { source, .. } => source.to_string(),
        other @ (DecodeError::UnknownType(_) | DecodeError::UnknownVersion { .. }) => panic!("{other}"),
    };
    assert_eq!(said(r#"{"login":"marguerite"}"#), "the body: a wrong value before column 21");
    assert_eq!(said(r#"{"login":marguerite}"#), "the body: no JSON from column 10");
    assert_eq!(said("{}"), "the body: missing field `login` at line 1 column 2");
}

#[test]
fn a_value_outside_the_vocabulary_is_broken_and_its_field_named() {
    let body = br#"{"severity":"catastrophic"}"#;
    assert!(decode("finding.severity-changed", 1, Some(body)).is_ok(), "readers that only show it may show it");
    let broken = decode_event::<Event>("finding.severity-changed", 1, Some(body)).unwrap_err();
    assert!(matches!(broken, DecodeError::Broken { source, .. } if source.field == "/severity"));
}

#[test]
fn an_event_of_another_aggregate_is_broken() {
    let broken = decode_event::<Event>("device.retired", 1, Some(b"{}")).unwrap_err();
    assert!(matches!(broken, DecodeError::Broken { type_name: "device.retired", .. }));
}

#[test]
fn a_purged_body_is_a_value() {
    assert_eq!(decode("finding.noted", 1, None).unwrap(), Decoded::Purged);
    assert_eq!(decode_event::<Event>("finding.noted", 1, None).unwrap(), Decoded::Purged);
    assert!(matches!(decode("finding.forgotten", 1, None), Err(DecodeError::UnknownType(_))));
}

#[test]
fn an_old_reader_tolerates_what_a_newer_writer_adds() {
    let body = br#"{"since":1,"observed_at":5,"more":{"a":[]}}"#;
    let observed_at = Timestamp::from_micros(5);
    let read = decode_event("finding.detected-again", 1, Some(body)).unwrap();
    assert_eq!(read, Decoded::Event(Event::DetectedAgain { observed_at }));
}

#[test]
fn a_body_over_the_limit_is_not_written() {
    let noted = |bytes: usize| {
        let text = "x".repeat(bytes - r#"{"text":""}"#.len());
        encode_written(&Written::Finding(finding::Written::Noted(finding::v1::Noted { text })))
    };
    assert_eq!(noted(BODY_MAX_BYTES).unwrap().body.len(), BODY_MAX_BYTES);
    let refused = noted(BODY_MAX_BYTES + 1).unwrap_err();
    assert!(
        matches!(refused, EncodeError::TooLarge { type_name: "finding.noted", bytes } if bytes == BODY_MAX_BYTES + 1)
    );
}

#[test]
fn personal_fields_are_written_sealed_and_read_withheld() {
    let encoded = encode(&invited(marguerite()), &sealing(&keys)).unwrap();
    let text = String::from_utf8(encoded.body.clone()).unwrap();
    assert!(!text.to_lowercase().contains("marguerite"), "{text}");

    let Decoded::Event(Written::User(crate::user::Written::Invited(written))) =
        decode(encoded.type_name, encoded.schema_version, Some(&encoded.body)).unwrap()
    else {
        panic!("an invitation reads as an invitation");
    };
    let opened =
        |field, path| sealed::open(field, Place { tenant: TENANT.uuid(), event_id: EVENT, path }, Some(&sample_key()));
    assert_eq!(opened(&written.login, LOGIN_PATH), Ok(Opened::Clear("marguerite".into())));
    assert_eq!(
        opened(written.display_name.as_ref().unwrap(), DISPLAY_NAME_PATH),
        Ok(Opened::Clear("Marguerite".into()))
    );
    assert_eq!(written.login.key_id(), KEY);

    let read = decode_event(encoded.type_name, encoded.schema_version, Some(&encoded.body)).unwrap();
    let Decoded::Event(user::Event::Invited { login, display_name, email, .. }) = read else {
        panic!("an invitation reads as an invitation");
    };
    assert_eq!((login, display_name, email), (Personal::Withheld, Some(Personal::Withheld), None));
}

#[test]
fn without_its_persons_key_a_personal_field_is_not_written() {
    let refused = encode(&invited(marguerite()), &sealing(&NoKeys)).unwrap_err();
    assert!(matches!(refused, EncodeError::NoKey(_)));
}

#[test]
fn what_was_read_back_withheld_is_not_written_again() {
    let refused = encode(&invited(Personal::Withheld), &sealing(&keys)).unwrap_err();
    assert!(matches!(refused, EncodeError::Withheld(LOGIN_PATH)));
}
