//! Versions of things: `If-Match` on commands, ETag and 304 on queries, and what a creation or a repetition answers.

use acceptance::callers::{Answer, Client, Organization, send};
use acceptance::eventually::see;
use acceptance::server::Server;
use reqwest::Method;
use serde_json::{Value, json};

fn known_weakness() -> Value {
    json!({ "type": "vulnerability", "title": "Old TLS", "severity": "high", "tool": "nessus", "rule": "104743" })
}

async fn confirm_if(client: &Client, path: &str, tag: &str) -> Answer {
    send(client.request(Method::POST, &format!("{path}/confirm")).header("if-match", tag)).await
}

#[tokio::test]
async fn a_command_on_a_stale_version_is_refused_and_on_the_current_one_done() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let raised = analyst.post("/v1/findings", known_weakness()).await.expect(201);
    let path = format!("/v1/findings/{}", raised.id());
    let seen = see(&analyst, &path, &raised.position()).await.expect(200);
    let tag = seen.header("etag").to_owned();
    assert!(tag.starts_with(&format!("\"{}-", raised.version())), "{tag}");

    let noted = analyst.post(&format!("{path}/note"), json!({ "text": "somebody was faster" })).await.expect(200);
    assert_eq!(confirm_if(&analyst, &path, &tag).await.expect(412).code(), "precondition-failed");
    let seen = see(&analyst, &path, &noted.position()).await.expect(200);
    let confirmed = confirm_if(&analyst, &path, seen.header("etag")).await.expect(200);
    assert_eq!(confirmed.version(), noted.version() + 1);
    confirm_if(&analyst, &path, confirmed.header("etag")).await.expect(200);
    confirm_if(&analyst, &path, "*").await.expect(200);
}

#[tokio::test]
async fn a_malformed_if_match_is_a_bad_request() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let raised = analyst.post("/v1/findings", known_weakness()).await.expect(201);
    let path = format!("/v1/findings/{}", raised.id());
    for tag in ["1", "W/\"1-00\"", "\"one\"", "\"-1\"", "\"1\", \"2\"", "", "\"99999999999999999999\""] {
        assert_eq!(confirm_if(&analyst, &path, tag).await.expect(400).code(), "malformed-request", "{tag}");
    }
}

#[tokio::test]
async fn a_finding_raised_again_answers_200_with_its_id_and_a_new_one_201_with_its_location() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let first = analyst.post("/v1/findings", known_weakness()).await.expect(201);
    assert_eq!(first.header("location"), format!("/v1/findings/{}", first.id()));
    let mut again = known_weakness();
    again["title"] = json!("The same in other words");
    again["severity"] = json!("low");
    let again = analyst.post("/v1/findings", again).await.expect(200);
    assert_eq!((again.id(), again.version()), (first.id(), first.version()));
    assert_eq!(again.maybe_header("location"), None);

    let by_hand = json!({ "type": "weakness", "title": "By hand", "severity": "low" });
    let one = analyst.post("/v1/findings", by_hand.clone()).await.expect(201);
    let two = analyst.post("/v1/findings", by_hand).await.expect(201);
    assert_ne!(one.id(), two.id(), "what has no rule, CVE or location is new each time");
}

#[tokio::test]
async fn two_organizations_with_the_same_finding_have_two() {
    let server = Server::shared().await;
    let (home, away) = (Organization::found(server).await, Organization::found(server).await);
    let here = home.administrator.post("/v1/findings", known_weakness()).await.expect(201);
    let there = away.administrator.post("/v1/findings", known_weakness()).await.expect(201);
    assert_ne!(here.id(), there.id());
}

#[tokio::test]
async fn a_resource_that_has_not_changed_is_not_sent_again() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let device = analyst.post("/v1/devices", json!({ "addresses": ["10.0.0.7"] })).await.expect(201);
    let path = format!("/v1/devices/{}", device.id());
    let seen = see(&analyst, &path, &device.position()).await.expect(200);
    let tag = seen.header("etag").to_owned();

    let ask = |tag: String| send(analyst.request(Method::GET, &path).header("if-none-match", tag));
    let held = ask(tag.clone()).await.expect(304);
    assert_eq!((held.header("etag"), held.body.len()), (tag.as_str(), 0));
    let up = analyst.put(&format!("{path}/status"), json!({ "status": "up" })).await.expect(200);
    see(&analyst, &path, &up.position()).await.expect(200);
    let changed = ask(tag.clone()).await.expect(200);
    assert_ne!(changed.header("etag"), tag);
    assert_eq!(changed.json()["status"], "up");
}

#[tokio::test]
async fn deciding_the_same_again_leaves_the_version_as_it_is() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let raised = analyst.post("/v1/findings", known_weakness()).await.expect(201);
    let path = format!("/v1/findings/{}/confirm", raised.id());
    let first = analyst.post_nothing(&path).await.expect(200);
    let again = analyst.post_nothing(&path).await.expect(200);
    assert_eq!(again.version(), first.version());
    assert!(!again.position().is_empty());
}
