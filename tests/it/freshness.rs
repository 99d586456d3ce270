//! Reading one's own writes: what `X-Consistency` promises, and what it refuses.

use std::time::{Duration, Instant};

use acceptance::callers::Organization;
use acceptance::eventually::{get_at, see};
use acceptance::server::Server;
use serde_json::json;

/// A request waits for a position at most two seconds; the rest is for a busy machine.
const WAIT_MAX: Duration = Duration::from_secs(4);

fn partition(position: &str) -> u16 {
    position.split('.').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_query_with_the_commands_position_shows_what_the_command_did() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    for severity in ["critical", "high", "medium", "low", "info"] {
        let body = json!({ "type": "weakness", "title": "Fresh", "severity": severity });
        let raised = analyst.post("/v1/findings", body).await.expect(201);
        let path = format!("/v1/findings/{}", raised.id());
        let seen = see(&analyst, &path, &raised.position()).await.expect(200).json();
        assert_eq!((&seen["severity"], &seen["version"]), (&json!(severity), &json!(1)));
        let confirmed = analyst.post_nothing(&format!("{path}/confirm")).await.expect(200);
        let list = see(&analyst, "/v1/findings", &confirmed.position()).await.expect(200).json();
        let shown = list["items"].as_array().unwrap().iter().find(|item| item["id"] == json!(raised.id())).unwrap();
        assert_eq!((&shown["disposition"], &shown["version"]), (&json!("confirmed"), &json!(2)));
        let history = see(&analyst, &format!("{path}/history"), &confirmed.position()).await.expect(200).json();
        let kinds: Vec<_> = history["items"].as_array().unwrap().iter().map(|entry| entry["version"].clone()).collect();
        assert_eq!(kinds, [json!(1), json!(2)], "{history}");
    }
    let summary = analyst.get("/v1/summary").await.expect(200).json();
    assert_eq!(summary["findings"]["total"], 5, "{summary}");
}

#[tokio::test]
async fn a_malformed_position_is_a_bad_request() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    for position in ["", "1", "0.1.2.3", "a.b.c", "0.64.1", "-1.0.1", "0.0.99999999999999999999", "0. 0.1"] {
        let answer = get_at(&organization.administrator, "/v1/findings", position).await;
        assert_eq!(answer.expect(400).code(), "malformed-token", "{position:?}");
    }
}

#[tokio::test]
async fn the_position_of_another_organizations_partition_is_a_bad_request() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let finding = json!({ "type": "weakness", "title": "Placed", "severity": "low" });
    let placed = organization.administrator.post("/v1/findings", finding).await.expect(201);
    let other = (partition(&placed.position()) + 1) % 64;
    let answer = get_at(&organization.administrator, "/v1/findings", &format!("0.{other}.1")).await;
    assert_eq!(answer.expect(400).code(), "wrong-partition");
}

#[tokio::test]
async fn a_position_not_reached_is_told_after_a_bounded_wait() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let finding = json!({ "type": "weakness", "title": "Early", "severity": "low" });
    let position = organization.administrator.post("/v1/findings", finding).await.expect(201).position();
    let (before, sequence) = position.rsplit_once('.').unwrap();
    let ahead = format!("{before}.{}", sequence.parse::<i64>().unwrap() + 1_000_000);
    for path in ["/v1/findings", "/v1/devices", "/v1/summary", "/v1/users", "/v1/audit-trail", "/v1/scans", "/v1/me"] {
        let asked = Instant::now();
        let answer = get_at(&organization.administrator, path, &ahead).await.expect(425);
        assert!(asked.elapsed() < WAIT_MAX, "{path} waited {:?}", asked.elapsed());
        assert_eq!(answer.code(), "position-not-reached", "{path}");
        assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{path}");
    }
}

#[tokio::test]
async fn a_command_without_effect_answers_a_position_that_shows_what_it_found() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let body = json!({ "type": "weakness", "title": "Known", "severity": "low", "rule": "r-1", "tool": "zap" });
    analyst.post("/v1/findings", body.clone()).await.expect(201);
    let known = analyst.post("/v1/findings", body).await.expect(200);
    let seen = see(&analyst, &format!("/v1/findings/{}", known.id()), &known.position()).await.expect(200);
    assert_eq!(seen.json()["version"], 1);
}
