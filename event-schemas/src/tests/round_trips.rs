use std::fmt::Debug;

use domain::vocabulary::Personal;
use domain::{finding, user};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::*;
use crate::codec::NoKeys;
use crate::schemas::documents;
use crate::{Decoded, Recorded, decode_event, encode};

fn reads_back<E: Recorded + Clone + PartialEq + Debug>(event: &E) -> TestCaseResult {
    let encoded = encode(event, &sealing(&NoKeys)).unwrap();
    let read = decode_event::<E>(encoded.type_name, encoded.schema_version, Some(&encoded.body)).unwrap();
    prop_assert_eq!(read, Decoded::Event(event.clone()));
    Ok(())
}

/// As the log gives a user's event back: what was personal is withheld.
fn withheld(event: user::Event) -> user::Event {
    match event {
        user::Event::Invited { login: _, display_name, email, role, invitation, expires_at } => user::Event::Invited {
            login: Personal::Withheld,
            display_name: display_name.map(|_| Personal::Withheld),
            email: email.map(|_| Personal::Withheld),
            role,
            invitation,
            expires_at,
        },
        user::Event::Accepted { .. } | user::Event::RoleSet { .. } | user::Event::Disabled | user::Event::Enabled => {
            event
        }
    }
}

proptest! {
    #[test]
    fn every_organization_event_reads_back(event in arbitrary::organization()) {
        reads_back(&event)?;
    }

    #[test]
    fn every_user_event_reads_back_without_what_is_personal(event in arbitrary::user()) {
        let encoded = encode(&event, &sealing(&keys)).unwrap();
        let read = decode_event(encoded.type_name, encoded.schema_version, Some(&encoded.body)).unwrap();
        prop_assert_eq!(read, Decoded::Event(withheld(event)));
    }

    #[test]
    fn every_session_event_reads_back(event in arbitrary::session()) {
        reads_back(&event)?;
    }

    #[test]
    fn every_key_event_reads_back(event in arbitrary::api_key()) {
        reads_back(&event)?;
    }

    #[test]
    fn every_access_event_reads_back(event in arbitrary::access()) {
        reads_back(&event)?;
    }

    #[test]
    fn every_device_event_reads_back(event in arbitrary::device()) {
        reads_back(&event)?;
    }

    #[test]
    fn every_finding_event_reads_back(event in arbitrary::finding()) {
        reads_back(&event)?;
    }

    #[test]
    fn every_scan_event_reads_back(event in arbitrary::scan()) {
        reads_back(&event)?;
    }

    #[test]
    fn every_projection_event_reads_back(event in arbitrary::projection()) {
        reads_back(&event)?;
    }

    #[test]
    fn every_raised_finding_satisfies_its_schema(report in arbitrary::report()) {
        let schema = documents().find(|document| document.file_name == "finding.raised.v1.json").unwrap().schema;
        let identity = report.identity();
        let encoded = encode(&finding::Event::Raised { report, identity }, &sealing(&NoKeys)).unwrap();
        let body = serde_json::from_slice(&encoded.body).unwrap();
        prop_assert!(jsonschema::is_valid(&schema, &body));
    }
}

#[test]
fn the_largest_report_fits_into_one_event() {
    let report = arbitrary::largest_report();
    let identity = report.identity();
    let encoded = encode(&finding::Event::Raised { report, identity }, &sealing(&NoKeys)).unwrap();
    assert!(encoded.body.len() > 50_000, "every field is at its maximum: {}", encoded.body.len());
}
