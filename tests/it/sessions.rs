//! Sessions and keys end by themselves. Sessions on a server of its own, where they are short.

use acceptance::callers::Organization;
use acceptance::eventually::until;
use acceptance::server::Server;
use chrono::{Duration, Utc};
use serde_json::json;

const SESSION_SECONDS: &str = "4";
const KEY_SECONDS: i64 = 3;

#[tokio::test]
async fn a_session_expires_and_the_timer_writes_it_down() {
    let server = Server::start_with(&[("SECURENET_SESSION_SECONDS", SESSION_SECONDS)]).await;
    let organization = Organization::found(&server).await;
    let first = organization.administrator.client.clone();
    first.get("/v1/me").await.expect(200);
    until("the session ends", || async { (first.get("/v1/me").await.status == 401).then_some(()) }).await;
    first.post("/v1/devices", json!({})).await.expect(401);

    // Written down by the timer, whoever asks: each look is a log in of its own, for they are short.
    let entry = until("the expiry is in the audit trail", || async {
        let administrator = organization.administrator.sign_in_again().await;
        let trail = administrator.get("/v1/audit-trail?action=session.expired").await;
        if trail.status == 401 {
            return None;
        }
        trail.expect(200).json()["items"].as_array().unwrap().last().cloned()
    })
    .await;
    assert_eq!((&entry["actor"], &entry["object"]["kind"]), (&json!("system:timer"), &json!("session")), "{entry}");
}

#[tokio::test]
async fn a_key_expires_at_its_time() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let body = json!({ "name": "short", "expires_at": Utc::now() + Duration::seconds(KEY_SECONDS) });
    let issued = administrator.post("/v1/api-keys", body).await.expect(201).json();
    let scanner = server.client().with_bearer(issued["key"].as_str().unwrap());
    scanner.get("/v1/me").await.expect(200);
    until("the key ends", || async { (scanner.get("/v1/me").await.status == 401).then_some(()) }).await;
    let shown = until("the list says so", || async {
        let keys = administrator.get("/v1/api-keys").await.expect(200).json();
        Some(keys["items"][0].clone()).filter(|key| key["status"] == "expired")
    });
    assert_eq!(shown.await["id"], issued["id"]);
}
