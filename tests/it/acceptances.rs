//! The life of an acceptance: asked for by one person, approved by another, over when its time is up; and what else
//! becomes of a finding over HTTP.

use acceptance::callers::{Client, Organization, Person};
use acceptance::eventually::{see, until};
use acceptance::server::Server;
use chrono::{Duration, Utc};
use serde_json::{Value, json};

const SOON_SECONDS: i64 = 3;

/// A finding, and two who may decide about it.
async fn scene(server: &Server) -> (Organization, Person, Person, String) {
    let organization = Organization::found(server).await;
    let (anna, otto) = (organization.analyst().await, organization.join("analyst", "otto").await);
    let body = json!({ "type": "weakness", "title": "Old TLS", "severity": "medium" });
    let path = format!("/v1/findings/{}", anna.post("/v1/findings", body).await.expect(201).id());
    (organization, anna, otto, path)
}

fn request(seconds: i64) -> Value {
    json!({ "reason": "It is switched off soon", "until": Utc::now() + Duration::seconds(seconds) })
}

async fn shown(client: &Client, path: &str, position: &str) -> Value {
    see(client, path, position).await.expect(200).json()
}

#[tokio::test]
async fn an_approved_acceptance_lapses_by_itself_when_its_time_is_up() {
    let server = Server::shared().await;
    let (organization, anna, otto, path) = scene(server).await;
    let asked = anna.post(&format!("{path}/acceptance"), request(SOON_SECONDS)).await.expect(200);
    let seen = shown(&anna, &path, &asked.position()).await;
    assert_eq!(
        (&seen["disposition"], &seen["acceptance"]["requested_by"]),
        (&json!("acceptance-requested"), &json!(anna.id))
    );

    let own = anna.post_nothing(&format!("{path}/acceptance/approve")).await.expect(409);
    assert_eq!(own.code(), "acceptance-decided-by-requester");
    let approved = otto.post_nothing(&format!("{path}/acceptance/approve")).await.expect(200);
    let seen = shown(&anna, &path, &approved.position()).await;
    assert_eq!((&seen["disposition"], &seen["status"]), (&json!("accepted"), &json!("suppressed")));

    let lapsed = until("the acceptance lapses", || async {
        let seen = anna.get(&path).await.expect(200).json();
        (seen["disposition"] != "accepted").then_some(seen)
    })
    .await;
    assert_eq!((&lapsed["detected"], &lapsed["acceptance"]), (&json!(true), &json!(null)), "{lapsed}");
    let trail = until("the lapse is in the audit trail", || async {
        let trail = organization.administrator.get("/v1/audit-trail?action=finding.acceptance-lapsed").await;
        trail.json()["items"].as_array().unwrap().first().cloned()
    });
    assert_eq!(trail.await["actor"], "system:timer");
}

#[tokio::test]
async fn a_declined_acceptance_leaves_the_finding_open() {
    let server = Server::shared().await;
    let (_, anna, otto, path) = scene(server).await;
    anna.post(&format!("{path}/acceptance"), request(3_600)).await.expect(200);
    let reason = json!({ "reason": "Not with this one" });
    let declined = otto.post(&format!("{path}/acceptance/decline"), reason).await.expect(200);
    let seen = shown(&anna, &path, &declined.position()).await;
    assert_eq!((&seen["acceptance"], &seen["detected"]), (&json!(null), &json!(true)), "{seen}");
    otto.post_nothing(&format!("{path}/acceptance/approve")).await.expect(409).code();
}

#[tokio::test]
async fn an_acceptance_must_end_in_the_future_and_within_a_year() {
    let server = Server::shared().await;
    let (_, anna, _, path) = scene(server).await;
    for (seconds, code) in [(-60, "acceptance-end-not-in-future"), (400 * 86_400, "acceptance-end-too-far")] {
        let answer = anna.post(&format!("{path}/acceptance"), request(seconds)).await;
        let answer = answer.expect(422);
        assert_eq!((answer.pointers(), &answer.json()["errors"][0]["code"]), (vec!["/until".to_owned()], &json!(code)));
    }
}

#[tokio::test]
async fn a_finding_goes_from_raised_to_verified_and_back() {
    let server = Server::shared().await;
    let (_, anna, otto, path) = scene(server).await;
    let steps = [
        ("confirm", json!(null), "open"),
        ("assign", json!({ "assignee": otto.id }), "open"),
        ("start", json!(null), "in-progress"),
        ("claim-fixed", json!({ "note": "patched" }), "in-progress"),
        ("verify", json!(null), "resolved"),
        ("reopen", json!({ "reason": "it is back" }), "open"),
        ("false-positive", json!({ "reason": "a test host" }), "suppressed"),
        ("confirm", json!(null), "open"),
        ("resolve", json!({}), "resolved"),
        ("observe", json!(null), "open"),
    ];
    for (step, body, status) in steps {
        let step_path = format!("{path}/{step}");
        let answer =
            if body.is_null() { anna.post_nothing(&step_path).await } else { anna.post(&step_path, body).await };
        let seen = shown(&anna, &path, &answer.expect(200).position()).await;
        assert_eq!(seen["status"], status, "after {step}: {seen}");
    }
    let verify = anna.post_nothing(&format!("{path}/verify")).await.expect(409);
    assert_eq!(verify.code(), "fix-not-claimed");
}
