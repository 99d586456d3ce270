//! People and keys: getting in once, being kept out at once, and telling strangers nothing.

use std::time::{Duration, Instant};

use acceptance::callers::{Answer, Client, Organization, log_in};
use acceptance::eventually::until;
use acceptance::server::Server;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

/// How long after a revocation was answered a request may still be served.
const REVOCATION_MAX: Duration = Duration::from_secs(1);

/// What both APIs say to somebody at this moment. The command is refused for its fields, if not for its sender.
async fn both_apis(client: &Client) -> [u16; 2] {
    [client.get("/v1/me").await.status, client.post("/v1/devices", json!({})).await.status]
}

/// Shuts somebody out and asks both APIs until they agree; what was served late was asked in time.
async fn bites_within_a_second(client: &Client, shut_out: impl Future<Output = Answer>) {
    assert!(!both_apis(client).await.contains(&401), "somebody must be in to be shut out");
    shut_out.await.expect(200);
    let answered = Instant::now();
    until("the revocation bites", || async move {
        let asked = answered.elapsed();
        let statuses = both_apis(client).await;
        if statuses == [401, 401] {
            return Some(());
        }
        assert!(asked < REVOCATION_MAX, "{asked:?} after the revocation the answers were {statuses:?}");
        None
    })
    .await;
}

#[tokio::test]
async fn an_invitation_is_good_for_one_of_ten_who_race_for_it() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let invited = json!({ "user": "bea", "role": "viewer" });
    let invited = organization.administrator.post("/v1/users", invited).await.expect(201).json();
    let path = invited["invitation"]["path"].as_str().unwrap().to_owned();
    let accept = |index: usize| {
        let (client, path) = (server.client(), path.clone());
        async move { client.post(&path, json!({ "password": format!("password of racer {index}") })).await }
    };
    let answers = join_all((0..10).map(accept)).await;
    let winners: Vec<_> = (0..10).filter(|index| answers[*index].status == 200).collect();
    assert_eq!(winners.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.clone().expect(410).code();
    }
    for index in 0..10 {
        let entry = log_in(&server.client(), &organization.slug, "bea", &format!("password of racer {index}")).await;
        entry.expect(if winners == [index] { 200 } else { 401 });
    }
}

#[tokio::test]
async fn a_link_that_was_used_or_never_made_opens_nothing() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let invited = json!({ "user": "bea", "role": "viewer" });
    let invited = organization.administrator.post("/v1/users", invited).await.expect(201).json();
    let path = invited["invitation"]["path"].as_str().unwrap();
    let short = server.client().post(path, json!({ "password": "short" })).await.expect(422);
    assert_eq!(short.pointers(), ["/password"]);
    server.client().post(path, json!({ "password": "long enough a password" })).await.expect(200);
    server.client().post(path, json!({ "password": "long enough a password" })).await.expect(410).code();
    let invented = path.replace(invited["invitation"]["token"].as_str().unwrap(), &Uuid::now_v7().simple().to_string());
    let answer = server.client().post(&invented, json!({ "password": "long enough a password" })).await;
    assert!([404, 410].contains(&answer.status), "{}", answer.text());
}

#[tokio::test]
async fn a_wrong_password_looks_exactly_like_an_unknown_user_or_organization() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let disabled = organization.join("viewer", "dora").await;
    let path = format!("/v1/users/{}/disable", disabled.id);
    organization.administrator.post_nothing(&path).await.expect(200);
    let client = server.client();
    let (slug, password) = (organization.slug.as_str(), "a password of nobody");
    let attempts = [
        log_in(&client, slug, &analyst.login, password).await,
        log_in(&client, slug, "nobody", password).await,
        log_in(&client, "no-such-organization", &analyst.login, password).await,
        log_in(&client, "NOT A SLUG", &analyst.login, password).await,
        log_in(&client, slug, "not\u{7}a login", password).await,
        log_in(&client, slug, &disabled.login, &disabled.password).await,
    ];
    let faces: Vec<_> = attempts.iter().map(face).collect();
    for other in &faces[1..] {
        assert_eq!(&faces[0], other);
    }
    assert_eq!(attempts[0].code(), "invalid-credentials");
}

/// An answer without what names the request and its moment.
fn face(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let mut body = answer.json();
    body["request_id"].take();
    let named = ["x-request-id", "date"];
    let headers = answer.headers.iter().filter(|(name, _)| !named.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    (answer.status, headers, body)
}

#[tokio::test]
async fn logging_out_bites_within_a_second_and_leaves_other_sessions_alone() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let other = analyst.sign_in_again().await;
    bites_within_a_second(&analyst, analyst.delete("/v1/sessions/current")).await;
    assert_eq!(both_apis(&other).await, [200, 422]);
}

#[tokio::test]
async fn disabling_a_user_bites_within_a_second_in_all_their_sessions() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let other = analyst.sign_in_again().await;
    let path = format!("/v1/users/{}", analyst.id);
    let disable = format!("{path}/disable");
    assert_eq!(both_apis(&other).await, [200, 422]);
    bites_within_a_second(&analyst, organization.administrator.post_nothing(&disable)).await;
    until("the other session ends too", || async { (both_apis(&other).await == [401, 401]).then_some(()) }).await;
    log_in(&server.client(), &organization.slug, &analyst.login, &analyst.password).await.expect(401);
    organization.administrator.post_nothing(&format!("{path}/enable")).await.expect(200);
    log_in(&server.client(), &organization.slug, &analyst.login, &analyst.password).await.expect(200);
}

#[tokio::test]
async fn revoking_a_key_bites_within_a_second() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let scanner = organization.scanner().await;
    let path = format!("/v1/api-keys/{}/revoke", scanner.id);
    bites_within_a_second(&scanner, organization.administrator.post_nothing(&path)).await;
    organization.administrator.post_nothing(&path).await.expect(200);
}

#[tokio::test]
async fn another_role_counts_within_a_second() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    analyst.post("/v1/devices", json!({})).await.expect(422);
    let path = format!("/v1/users/{}/role", analyst.id);
    organization.administrator.put(&path, json!({ "role": "auditor" })).await.expect(200);
    let answered = Instant::now();
    until("the new role counts", || async {
        let asked = answered.elapsed();
        let statuses = [analyst.post("/v1/devices", json!({})).await.status, analyst.get("/v1/users").await.status];
        if statuses == [403, 200] {
            return Some(());
        }
        assert!(asked < REVOCATION_MAX, "{asked:?} after the change the answers were {statuses:?}");
        None
    })
    .await;
}

#[tokio::test]
async fn a_suspended_organization_is_shut_out_and_let_in_again() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let (scanner, administrator) = (organization.scanner().await, &organization.administrator);
    let path = format!("/v1/organizations/{}", organization.id);
    let suspend = json!({ "reason": "unpaid" });
    bites_within_a_second(administrator, server.operator().post(&format!("{path}/suspend"), suspend)).await;
    until("the scanner is out, too", || async { (both_apis(&scanner).await == [401, 401]).then_some(()) }).await;
    log_in(&server.client(), &organization.slug, "ada", &administrator.password).await.expect(401);
    server.operator().post_nothing(&format!("{path}/resume")).await.expect(200);
    log_in(&server.client(), &organization.slug, "ada", &administrator.password).await.expect(200);
    until("the scanner is in again", || async { (both_apis(&scanner).await == [200, 422]).then_some(()) }).await;
}

#[tokio::test]
async fn nobody_shuts_out_or_promotes_themselves() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let path = format!("/v1/users/{}", administrator.id);
    administrator.post_nothing(&format!("{path}/disable")).await.expect(409).code();
    administrator.put(&format!("{path}/role"), json!({ "role": "viewer" })).await.expect(409).code();
}

#[tokio::test]
async fn a_login_is_taken_once_in_an_organization_and_free_in_the_next() {
    let server = Server::shared().await;
    let (home, away) = (Organization::found(server).await, Organization::found(server).await);
    home.join("viewer", "bea").await;
    away.join("viewer", "bea").await;
    for login in ["bea", "BEA", " bea "] {
        let again = json!({ "user": login, "role": "viewer" });
        assert_eq!(home.administrator.post("/v1/users", again).await.expect(409).code(), "login-taken", "{login:?}");
    }
}
