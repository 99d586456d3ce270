//! What people decide about findings.

use actix_web::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{World, request};

#[actix_web::test]
async fn a_finding_is_worked_on_until_it_is_verified() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let finding = world.post(&acme.admin, "/v1/findings", json!({"type": "a", "title": "t", "severity": "low"})).await;
    let path = |what: &str| format!("/v1/findings/{}/{what}", finding.id());
    let steps: [(&str, Value); 9] = [
        ("severity", json!({"severity": "high", "reason": "reachable from outside"})),
        ("confirm", Value::Null),
        ("assign", json!({"assignee": acme.admin_id})),
        ("note", json!({"text": "on it"})),
        ("start", Value::Null),
        ("claim-fixed", json!({"note": "patched"})),
        ("verify", Value::Null),
        ("reopen", json!({"reason": "came back"})),
        ("resolve", Value::Null),
    ];
    for (version, (what, body)) in (2..).zip(steps) {
        let answer = match body.is_null() {
            true => world.act(&acme.admin, &path(what)).await,
            false => world.post(&acme.admin, &path(what), body).await,
        };
        let answer = answer.expect(StatusCode::OK);
        assert_eq!(answer.body["version"], version, "{what}");
    }
    let again = world.act(&acme.admin, &path("resolve")).await.expect(StatusCode::OK);
    assert_eq!(again.body["version"], 10, "deciding the same again changes nothing");
}

#[actix_web::test]
async fn an_acceptance_needs_two_persons_and_an_end_in_the_future() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let (_, ana) = world.join(&acme, "ana", "analyst").await;
    let finding = world.post(&ana, "/v1/findings", json!({"type": "a", "title": "t", "severity": "low"})).await;
    let path = format!("/v1/findings/{}/acceptance", finding.id());
    let past = world.post(&ana, &path, json!({"reason": "old", "until": "2020-01-01T00:00:00Z"})).await;
    let past = past.refused(StatusCode::UNPROCESSABLE_ENTITY, "validation-failed");
    assert_eq!(past.faults()[0].0, "/until");
    let until = (chrono::Utc::now() + chrono::Duration::days(30)).to_rfc3339();
    world.post(&ana, &path, json!({"reason": "old", "until": until})).await.expect(StatusCode::OK);
    let own = world.act(&ana, &format!("{path}/approve")).await;
    own.refused(StatusCode::CONFLICT, "acceptance-decided-by-requester");
    world.act(&acme.admin, &format!("{path}/approve")).await.expect(StatusCode::OK);
}

#[actix_web::test]
async fn a_finding_is_given_only_to_somebody_who_is_there() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let other = world.found("other", 100).await;
    let finding = world.post(&acme.admin, "/v1/findings", json!({"type": "a", "title": "t", "severity": "low"})).await;
    let path = format!("/v1/findings/{}/assign", finding.id());
    let stranger = world.post(&acme.admin, &path, json!({"assignee": other.admin_id})).await;
    let stranger = stranger.refused(StatusCode::UNPROCESSABLE_ENTITY, "validation-failed");
    assert_eq!(stranger.faults(), [("/assignee".to_owned(), "unknown-user".to_owned())]);
    world.post(&acme.admin, &path, json!({"assignee": null})).await.expect(StatusCode::OK);
}

#[actix_web::test]
async fn giving_a_finding_is_answered_the_same_again_though_they_were_disabled_since() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let (ana, _) = world.join(&acme, "ana", "analyst").await;
    let finding = world.post(&acme.admin, "/v1/findings", json!({"type": "a", "title": "t", "severity": "low"})).await;
    let path = format!("/v1/findings/{}/assign", finding.id());
    let assign = || {
        let assign = request(Method::POST, &acme.admin, &path).insert_header(("Idempotency-Key", "once"));
        world.send(assign.set_json(json!({"assignee": ana})))
    };
    let first = assign().await.expect(StatusCode::OK);
    world.act(&acme.admin, &format!("/v1/users/{ana}/disable")).await.expect(StatusCode::OK);
    assert_eq!(assign().await.expect(StatusCode::OK).body, first.body);
    let unkeyed = world.post(&acme.admin, &path, json!({"assignee": ana})).await;
    unkeyed.refused(StatusCode::UNPROCESSABLE_ENTITY, "validation-failed");
}

#[actix_web::test]
async fn a_body_that_may_be_left_out_may_be_null_or_an_object_and_nothing_else() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let finding = world.post(&acme.admin, "/v1/findings", json!({"type": "a", "title": "t", "severity": "low"})).await;
    let path = |what: &str| format!("/v1/findings/{}/{what}", finding.id());
    world.post(&acme.admin, &path("resolve"), Value::Null).await.expect(StatusCode::OK);
    world.post(&acme.admin, &path("reopen"), json!({"reason": "came back"})).await.expect(StatusCode::OK);
    world.post(&acme.admin, &path("resolve"), json!({})).await.expect(StatusCode::OK);
    for odd in [json!([]), json!(["came back"]), json!("came back"), json!({"reason": ["came back"]})] {
        let odd = world.post(&acme.admin, &path("reopen"), odd).await;
        odd.refused(StatusCode::UNPROCESSABLE_ENTITY, "validation-failed");
    }
}
