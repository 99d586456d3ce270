//! Devices and findings as scanners and people report them.

use std::collections::BTreeSet;

use actix_web::http::{Method, StatusCode};
use futures_util::future::join_all;
use serde_json::json;

use super::world::{OPERATOR, World, request};

#[actix_web::test]
async fn a_plan_with_room_for_twenty_holds_twenty_however_many_come_at_once() {
    let world = World::new().await;
    let acme = world.found("acme", 20).await;
    let register = |n: usize| world.post(&acme.admin, "/v1/devices", json!({"addresses": [format!("10.0.1.{n}")]}));
    let answers = join_all((0..200).map(register)).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(StatusCode::CREATED), count(StatusCode::CONFLICT)), (20, 180));
    assert!(answers.iter().all(|answer| answer.status.is_success() || answer.body["code"] == "device-limit-reached"));
    let one = answers.iter().find(|answer| answer.status.is_success()).unwrap().id();
    world.act(&acme.admin, &format!("/v1/devices/{one}/retire")).await.expect(StatusCode::OK);
    register(201).await.expect(StatusCode::CREATED);
    register(202).await.refused(StatusCode::CONFLICT, "device-limit-reached");
}

#[actix_web::test]
async fn a_larger_plan_makes_room() {
    let world = World::new().await;
    let acme = world.found("acme", 1).await;
    let register = |address: &'static str| world.post(&acme.admin, "/v1/devices", json!({"addresses": [address]}));
    register("10.0.0.1").await.expect(StatusCode::CREATED);
    register("10.0.0.2").await.refused(StatusCode::CONFLICT, "device-limit-reached");
    let path = format!("/v1/organizations/{}/plan", acme.id);
    let changed = world.put(OPERATOR, &path, json!({"plan": "team", "device_limit": 2})).await.expect(StatusCode::OK);
    assert_eq!(changed.body["version"], 2);
    register("10.0.0.2").await.expect(StatusCode::CREATED);
    register("10.0.0.3").await.refused(StatusCode::CONFLICT, "device-limit-reached");
}

#[actix_web::test]
async fn fifty_repetitions_of_one_request_have_one_effect_and_one_answer() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let register = |address: &'static str| {
        let register = request(Method::POST, &acme.admin, "/v1/devices").insert_header(("Idempotency-Key", "once"));
        world.send(register.set_json(json!({"addresses": [address]})))
    };
    let answers = join_all((0..50).map(|_| register("10.0.0.7"))).await;
    let same: BTreeSet<_> = answers
        .iter()
        .map(|answer| {
            assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
            (answer.body.to_string(), answer.header("x-consistency").to_owned(), answer.header("location").to_owned())
        })
        .collect();
    assert_eq!(same.len(), 1, "{same:?}");
    assert_eq!(world.events("device.registered").await, 1);
    register("10.0.0.8").await.refused(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused");
}

#[actix_web::test]
async fn an_address_belongs_to_one_device_of_a_network_and_the_refusal_names_it() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let register = |body| world.post(&acme.admin, "/v1/devices", body);
    let first = register(json!({"addresses": ["10.0.0.7", "::ffff:10.0.0.9"]})).await.expect(StatusCode::CREATED);
    let taken = register(json!({"addresses": ["10.0.0.9"]})).await.refused(StatusCode::CONFLICT, "address-taken");
    assert!(taken.body["detail"].as_str().unwrap().contains(&first.id()));
    register(json!({"addresses": ["10.0.0.7"], "network": "lisbon"})).await.expect(StatusCode::CREATED);
    let path = format!("/v1/devices/{}/identifiers", first.id());
    world.put(&acme.admin, &path, json!({"addresses": ["10.0.0.8"]})).await.expect(StatusCode::OK);
    register(json!({"addresses": ["10.0.0.7"]})).await.expect(StatusCode::CREATED);
}

#[actix_web::test]
async fn a_device_stays_in_its_network_until_another_is_named() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let register = |body| world.post(&acme.admin, "/v1/devices", body);
    let device = register(json!({"addresses": ["10.0.0.7"], "network": "lisbon"})).await.expect(StatusCode::CREATED);
    let path = format!("/v1/devices/{}/identifiers", device.id());
    world.put(&acme.admin, &path, json!({"addresses": ["10.0.0.8"]})).await.expect(StatusCode::OK);
    let taken = register(json!({"addresses": ["10.0.0.8"], "network": "lisbon"})).await;
    taken.refused(StatusCode::CONFLICT, "address-taken");
    let same = world.put(&acme.admin, &path, json!({"addresses": ["10.0.0.8"]})).await.expect(StatusCode::OK);
    assert_eq!(same.body["version"], 2, "the same again changes nothing");
    world.put(&acme.admin, &path, json!({"addresses": ["10.0.0.8"], "network": "porto"})).await.expect(StatusCode::OK);
    register(json!({"addresses": ["10.0.0.8"], "network": "lisbon"})).await.expect(StatusCode::CREATED);
}

#[actix_web::test]
async fn nothing_is_created_for_who_expects_a_version_of_it() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let before = world.all_events().await;
    for (caller, path, body) in [
        (&*acme.admin, "/v1/devices", json!({"addresses": ["10.0.0.7"]})),
        (&*acme.admin, "/v1/findings", json!({"type": "a", "title": "t", "severity": "low"})),
        (&*acme.admin, "/v1/users", json!({"user": "ana", "role": "analyst"})),
        (&*acme.admin, "/v1/api-keys", json!({"name": "k"})),
        (&*acme.admin, "/v1/scans", json!({})),
        (OPERATOR, "/v1/organizations", json!({"slug": "other"})),
    ] {
        for tag in ["*", "\"1\""] {
            let create = request(Method::POST, caller, path).insert_header(("If-Match", tag)).set_json(&body);
            world.send(create).await.refused(StatusCode::PRECONDITION_FAILED, "precondition-failed");
        }
    }
    assert_eq!(world.all_events().await, before);
}

#[actix_web::test]
async fn every_wrong_field_is_named_at_once() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let body = json!({"addresses": ["10.0.0.7", "300.1.1.1"], "mac": "x", "latitude": 12.5, "criticality": "huge",
                      "metadata": {"": "nameless"}});
    let wrong = world.post(&acme.admin, "/v1/devices", body).await;
    let wrong = wrong.refused(StatusCode::UNPROCESSABLE_ENTITY, "validation-failed");
    let pointers: Vec<_> = wrong.faults().into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(pointers, ["/addresses/1", "/mac", "/longitude", "/criticality", "/metadata"]);
    let none = world.post(&acme.admin, "/v1/devices", json!({})).await;
    assert_eq!(none.faults(), [(String::new(), "no-identifier".to_owned())]);
    let unknown = world.post(&acme.admin, "/v1/devices", json!({"address": "10.0.0.7"})).await;
    unknown.expect(StatusCode::UNPROCESSABLE_ENTITY);
}

#[actix_web::test]
async fn a_status_is_news_when_it_changes() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let device = world.post(&acme.admin, "/v1/devices", json!({"addresses": ["10.0.0.7"]})).await.id();
    let path = format!("/v1/devices/{device}/status");
    let report = |status: &'static str| world.put(&acme.admin, &path, json!({"status": status}));
    let up = report("up").await.expect(StatusCode::OK);
    let still = report("up").await.expect(StatusCode::OK);
    assert_eq!((&up.body["version"], &still.body["version"]), (&json!(2), &json!(2)));
    assert_eq!(report("down").await.body["version"], 3);
}

#[actix_web::test]
async fn if_match_holds_a_command_to_the_version_its_sender_saw() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let device = world.post(&acme.admin, "/v1/devices", json!({"addresses": ["10.0.0.7"]})).await.id();
    let report = |etag: &'static str| {
        let report = request(Method::PUT, &acme.admin, &format!("/v1/devices/{device}/status"));
        world.send(report.insert_header(("If-Match", etag)).set_json(json!({"status": "up"})))
    };
    report("\"9-abc\"").await.refused(StatusCode::PRECONDITION_FAILED, "precondition-failed");
    report("1").await.refused(StatusCode::BAD_REQUEST, "malformed-request");
    report("\"1-abc\"").await.expect(StatusCode::OK);
    report("\"1-abc\"").await.refused(StatusCode::PRECONDITION_FAILED, "precondition-failed");
}

#[actix_web::test]
async fn a_repetition_with_another_if_match_is_another_request() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let device = world.post(&acme.admin, "/v1/devices", json!({"addresses": ["10.0.0.7"]})).await.id();
    let report = |etag: &'static str| {
        let report = request(Method::PUT, &acme.admin, &format!("/v1/devices/{device}/status"));
        let report = report.insert_header(("If-Match", etag)).insert_header(("Idempotency-Key", "once"));
        world.send(report.set_json(json!({"status": "up"})))
    };
    let (first, again) = (report("\"1\"").await.expect(StatusCode::OK), report("\"1\"").await.expect(StatusCode::OK));
    assert_eq!(first.body, again.body);
    report("\"2\"").await.refused(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused");
    report("*").await.refused(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused");
}

#[actix_web::test]
async fn another_organizations_things_are_not_there() {
    let world = World::new().await;
    let (acme, other) = (world.found("acme", 100).await, world.found("other", 100).await);
    let device = world.post(&acme.admin, "/v1/devices", json!({"addresses": ["10.0.0.7"]})).await.id();
    let theirs = format!("/v1/devices/{device}/retire");
    world.act(&other.admin, &theirs).await.refused(StatusCode::NOT_FOUND, "not-found");
    world.act(&other.admin, "/v1/devices/no-uuid/retire").await.refused(StatusCode::NOT_FOUND, "not-found");
    let body = json!({"type": "vulnerability", "title": "t", "severity": "low", "device_id": device});
    let raised = world.post(&other.admin, "/v1/findings", body).await;
    let raised = raised.refused(StatusCode::UNPROCESSABLE_ENTITY, "validation-failed");
    assert_eq!(raised.faults(), [("/device_id".to_owned(), "unknown-device".to_owned())]);
    world.post(&other.admin, "/v1/devices", json!({"addresses": ["10.0.0.7"]})).await.expect(StatusCode::CREATED);
}

#[actix_web::test]
async fn a_known_finding_raised_again_answers_its_id() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let body = json!({"type": "vulnerability", "title": "Log4Shell", "severity": "critical", "tool": "nessus",
                      "cves": ["CVE-2021-44228"], "cvss": ["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"],
                      "protocol": "tcp", "port": 443});
    let answers = join_all((0..8).map(|_| world.post(&acme.admin, "/v1/findings", body.clone()))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(StatusCode::CREATED), count(StatusCode::OK)), (1, 7));
    assert!(answers.windows(2).all(|pair| pair[0].body == pair[1].body));
    assert_eq!(world.events("finding.raised").await, 1);
    let by_hand = json!({"type": "note", "title": "Door open", "severity": "low"});
    let one = world.post(&acme.admin, "/v1/findings", by_hand.clone()).await.expect(StatusCode::CREATED);
    let two = world.post(&acme.admin, "/v1/findings", by_hand).await.expect(StatusCode::CREATED);
    assert_ne!(one.id(), two.id());
}

#[actix_web::test]
async fn what_cannot_be_read_is_refused_and_never_fails_inside() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let send = |body: String| {
        let raw =
            request(Method::POST, &acme.admin, "/v1/findings").insert_header(("Content-Type", "application/json"));
        world.send(raw.set_payload(body))
    };
    for body in [
        String::new(),
        "{".to_owned(),
        "[".repeat(10_000),
        r#"{"type":"a","title":"\u0000","severity":"low"}"#.to_owned(),
        r#"{"type":"a","title":"\ud800","severity":"low"}"#.to_owned(),
        r#"{"type":"a","title":"t","severity":"low","port":70000}"#.to_owned(),
        r#"{"type":"a","title":"t","severity":"low","cvss_score":9.87}"#.to_owned(),
        r#"{"type":"a","title":"t","severity":"low","cvss_score":1e400}"#.to_owned(),
        r#"{"type":"a","title":"t","severity":"low","observed_at":"+999999-01-01T00:00:00Z"}"#.to_owned(),
        r#"{"type":"a","title":"t","severity":"low","observed_at":"2999-01-01T00:00:00Z"}"#.to_owned(),
    ] {
        let answer = send(body.clone()).await;
        assert!([400, 422].contains(&answer.status.as_u16()), "{} {body:.80}: {}", answer.status, answer.body);
    }
    assert_eq!(world.events("finding.raised").await, 0);
}
