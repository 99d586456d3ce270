//! `Idempotency-Key`: one effect, one answer, however often and however parallel the same request comes.

use acceptance::callers::{Answer, Client, Organization, send};
use acceptance::eventually::see;
use acceptance::server::Server;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const PARALLEL: usize = 50;

async fn post_with_key(client: &Client, path: &str, key: &str, body: &Value) -> Answer {
    send(client.request(Method::POST, path).header("idempotency-key", key).json(body)).await
}

fn key() -> String {
    Uuid::now_v7().to_string()
}

#[tokio::test]
async fn fifty_parallel_requests_with_one_key_have_one_effect_and_one_answer() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let administrator = &organization.administrator;
    let (key, body) = (key(), json!({ "type": "weakness", "title": "Once", "severity": "low" }));
    let answers = join_all((0..PARALLEL).map(|_| post_with_key(administrator, "/v1/findings", &key, &body))).await;

    let first = &answers[0];
    for answer in &answers {
        assert_eq!((answer.status, answer.text()), (201, first.text()));
        assert_eq!(answer.position(), first.position());
        assert_eq!(answer.header("location"), first.header("location"));
    }
    let list = see(administrator, "/v1/findings", &first.position()).await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn fifty_parallel_registrations_with_one_key_take_the_address_once() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let administrator = &organization.administrator;
    let (key, body) = (key(), json!({ "addresses": ["10.0.0.7"] }));
    let answers = join_all((0..PARALLEL).map(|_| post_with_key(administrator, "/v1/devices", &key, &body))).await;
    for answer in &answers {
        assert_eq!((answer.status, answer.text()), (201, answers[0].text()));
    }
}

#[tokio::test]
async fn a_key_used_for_another_request_is_refused_and_the_first_answer_stands() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let (administrator, key) = (&organization.administrator, key());
    let body = json!({ "addresses": ["10.0.0.7"] });
    let first = post_with_key(administrator, "/v1/devices", &key, &body).await.expect(201);
    let other = post_with_key(administrator, "/v1/devices", &key, &json!({ "addresses": ["10.0.0.8"] })).await;
    assert_eq!(other.expect(422).code(), "idempotency-key-reused");
    let again = post_with_key(administrator, "/v1/devices", &key, &body).await.expect(201);
    assert_eq!((again.text(), again.position()), (first.text(), first.position()));
}

#[tokio::test]
async fn a_key_belongs_to_its_caller_its_organization_and_its_route() {
    let server = Server::shared().await;
    let (home, away) = (Organization::found(server).await, Organization::found(server).await);
    let analyst = home.analyst().await;
    let (key, body) = (key(), json!({ "type": "weakness", "title": "Mine", "severity": "low" }));
    let mut ids = Vec::new();
    for client in [&home.administrator, &analyst, &away.administrator] {
        ids.push(post_with_key(client, "/v1/findings", &key, &body).await.expect(201).id());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    post_with_key(&analyst, "/v1/devices", &key, &json!({ "host_name": "mine" })).await.expect(201);
}

#[tokio::test]
async fn a_refusal_is_not_kept_so_the_key_works_once_the_reason_is_gone() {
    let server = Server::shared().await;
    let organization = Organization::found_with(server, json!({ "plan": "free", "device_limit": 0 })).await;
    let (administrator, key, body) = (&organization.administrator, key(), json!({ "host_name": "patient" }));
    post_with_key(administrator, "/v1/devices", &key, &body).await.expect(409);
    let plan = format!("/v1/organizations/{}/plan", organization.id);
    server.operator().put(&plan, json!({ "plan": "free", "device_limit": 1 })).await.expect(200);
    post_with_key(administrator, "/v1/devices", &key, &body).await.expect(201);
}

#[tokio::test]
async fn a_key_creation_repeated_answers_the_same_key_without_its_secret() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let (administrator, key, body) = (&organization.administrator, key(), json!({ "name": "scanner" }));
    let first = post_with_key(administrator, "/v1/api-keys", &key, &body).await.expect(201);
    let again = post_with_key(administrator, "/v1/api-keys", &key, &body).await.expect(201);
    assert!(first.json()["key"].as_str().is_some_and(|secret| secret.starts_with("snk_")));
    assert_eq!(again.json().get("key"), None);
    for member in ["id", "version", "public_id"] {
        assert_eq!(first.json()[member], again.json()[member], "{member}");
    }
}

#[tokio::test]
async fn an_invitation_repeated_answers_the_same_user_without_the_link() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let (administrator, key, body) = (&organization.administrator, key(), json!({ "user": "bea", "role": "viewer" }));
    let first = post_with_key(administrator, "/v1/users", &key, &body).await.expect(201);
    let again = post_with_key(administrator, "/v1/users", &key, &body).await.expect(201);
    assert!(first.json()["invitation"]["token"].is_string());
    assert_eq!((again.id(), again.json().get("invitation")), (first.id(), None));
}

#[tokio::test]
async fn a_malformed_key_is_a_bad_request() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let body = json!({ "host_name": "keyed" });
    for key in ["", "two words", &"k".repeat(256)] {
        let answer = post_with_key(&organization.administrator, "/v1/devices", key, &body).await;
        assert_eq!(answer.expect(400).code(), "malformed-request", "{key:?}");
    }
}

#[tokio::test]
async fn a_key_whose_request_changed_nothing_is_used_up_all_the_same() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let administrator = &organization.administrator;
    let low = json!({ "type": "weakness", "title": "Quiet", "severity": "low" });
    let id = post_with_key(administrator, "/v1/findings", &key(), &low).await.expect(201).id();
    let (path, key) = (format!("/v1/findings/{id}/severity"), key());
    let first = post_with_key(administrator, &path, &key, &json!({ "severity": "low" })).await.expect(200);
    let other = post_with_key(administrator, &path, &key, &json!({ "severity": "critical" })).await;
    assert_eq!(other.expect(422).code(), "idempotency-key-reused");

    administrator.post(&path, json!({ "severity": "info" })).await.expect(200);
    let again = post_with_key(administrator, &path, &key, &json!({ "severity": "low" })).await.expect(200);
    assert_eq!((again.text(), again.position()), (first.text(), first.position()), "a retry overwrites nobody");
}
