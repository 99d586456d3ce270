//! The audit trail says who did what, when and from where, and also what was refused.

use acceptance::callers::{Client, Organization, log_in, send};
use acceptance::eventually::{see, until};
use acceptance::server::Server;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

async fn trail(client: &Client, filter: &str) -> Vec<Value> {
    let answer = client.get(&format!("/v1/audit-trail?limit=500&{filter}")).await.expect(200);
    answer.json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_audit_trail_says_who_did_what_from_where_in_which_request() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let body = json!({ "type": "weakness", "title": "Traced", "severity": "low" });
    let raised = analyst.post("/v1/findings", body).await.expect(201);
    let request = Uuid::now_v7().to_string();
    let confirm = analyst.request(Method::POST, &format!("/v1/findings/{}/confirm", raised.id()));
    let confirm = send(confirm.header("x-request-id", &request).header("user-agent", "night shift")).await.expect(200);

    see(&organization.administrator, "/v1/audit-trail", &confirm.position()).await.expect(200);
    let filter = format!("object={}&action=finding.confirmed", raised.id());
    let entries = trail(&organization.administrator, &filter).await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    let entry = &entries[0];
    assert_eq!(entry["actor"], format!("user:{}", analyst.id));
    assert_eq!(entry["object"], json!({ "kind": "finding", "id": raised.id(), "version": 2 }));
    assert_eq!((&entry["ip"], &entry["user_agent"]), (&json!("127.0.0.1"), &json!("night shift")));
    assert_eq!(entry["correlation"], request);
    let of_analyst = trail(&organization.administrator, &format!("actor=user:{}", analyst.id)).await;
    let actions: Vec<_> = of_analyst.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    for action in ["finding.confirmed", "finding.raised", "session.started"] {
        assert!(actions.contains(&action), "no {action} in {actions:?}");
    }
}

#[tokio::test]
async fn the_audit_trail_of_an_organization_begins_with_its_founding_by_the_operator() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let scanner = organization.scanner().await;
    let device = scanner.post("/v1/devices", json!({ "addresses": ["10.0.0.7"] })).await.expect(201);
    see(&organization.administrator, "/v1/audit-trail", &device.position()).await.expect(200);
    let entries = trail(&organization.administrator, "").await;
    let first = entries.last().unwrap();
    assert_eq!((&first["action"], &first["actor"]), (&json!("organization.founded"), &json!("operator")), "{first}");
    let registered = entries.iter().find(|entry| entry["action"] == "device.registered").unwrap();
    assert_eq!(registered["actor"], format!("key:{}", scanner.id));
}

#[tokio::test]
async fn failed_log_ins_are_written_down_with_their_reason_and_without_what_was_typed() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let client = server.client();
    log_in(&client, &organization.slug, "ada", "the wrong password").await.expect(401);
    log_in(&client, &organization.slug, "mallory-was-here", "the wrong password").await.expect(401);
    let entries = until("both attempts are in the trail", || async {
        let entries = trail(&organization.administrator, "action=access.log-in-failed").await;
        (entries.len() == 2).then_some(entries)
    })
    .await;
    let told = serde_json::to_string(&entries).unwrap();
    for reason in ["wrong-password", "unknown-account"] {
        assert!(told.contains(reason), "no {reason} in {told}");
    }
    for typed in ["mallory", "the wrong"] {
        assert!(!told.contains(typed), "{typed} must not be in {told}");
    }
    assert!(entries.iter().all(|entry| entry["actor"] == "anonymous" && entry["ip"] == "127.0.0.1"), "{told}");
}

#[tokio::test]
async fn refused_rights_of_both_apis_are_written_down() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let viewer = organization.join("viewer", "vera").await;
    viewer.post("/v1/findings", json!({})).await.expect(403);
    viewer.get("/v1/users").await.expect(403);
    let entries = until("both refusals are in the trail", || async {
        let entries = trail(&organization.administrator, "action=access.denied").await;
        (entries.len() == 2).then_some(entries)
    })
    .await;
    let told = serde_json::to_string(&entries).unwrap();
    for operation in ["POST /v1/findings", "GET /v1/users"] {
        assert!(told.contains(operation), "no {operation} in {told}");
    }
    assert!(entries.iter().all(|entry| entry["actor"] == format!("user:{}", viewer.id)), "{told}");
}

#[tokio::test]
async fn a_flood_of_refusals_is_a_handful_of_entries() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let viewer = organization.join("viewer", "vera").await;
    for _ in 0..100 {
        viewer.post("/v1/devices", json!({})).await.expect(403);
    }
    let device = organization.administrator.post("/v1/devices", json!({ "host_name": "clock" })).await.expect(201);
    see(&organization.administrator, "/v1/audit-trail", &device.position()).await.expect(200);
    let entries = trail(&organization.administrator, "object=access").await;
    assert!((1..=20).contains(&entries.len()), "{} entries for one flood", entries.len());
}

#[tokio::test]
async fn the_list_of_users_counts_their_log_ins() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    analyst.sign_in_again().await;
    let device = analyst.post("/v1/devices", json!({ "host_name": "clock" })).await.expect(201);
    let users = see(&organization.administrator, "/v1/users", &device.position()).await.expect(200).json();
    let users = users["items"].as_array().unwrap().clone();
    let anna = users.iter().find(|user| user["id"] == json!(analyst.id)).unwrap();
    assert_eq!((&anna["login"], &anna["log_in_count"], &anna["status"]), (&json!("anna"), &json!(2), &json!("active")));
    assert!(anna["last_log_in_at"].is_string(), "{anna}");
}

#[tokio::test]
async fn the_callers_trace_stays_with_the_event() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = organization.administrator.request(Method::POST, "/v1/findings");
    let request = request.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    let body = json!({ "type": "weakness", "title": "Traced", "severity": "low" });
    let id = send(request.json(&body)).await.expect(201).id();

    let mut superuser = PgConnection::connect(&server.postgres_url("postgres")).await.unwrap();
    let meta: String = sqlx::query_scalar("SELECT convert_from(meta, 'UTF8') FROM store.events WHERE stream_id = $1")
        .bind(id)
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert!(meta.contains(trace), "{meta}");
    assert!(!meta.contains("127.0.0.1"), "the address is sealed: {meta}");
}
