//! Who may come in, and who may do what.

use actix_web::http::{Method, StatusCode};
use futures_util::future::join_all;
use serde_json::json;

use super::world::{OPERATOR, PASSWORD, World, request};

#[actix_web::test]
async fn an_organization_is_founded_and_its_administrator_comes_in_by_the_link() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let device = world.post(&acme.admin, "/v1/devices", json!({"addresses": ["10.0.0.7"]})).await;
    let device = device.expect(StatusCode::CREATED);
    assert_eq!(device.header("location"), format!("/v1/devices/{}", device.id()));
    assert_eq!(device.header("etag"), "\"1\"");
    assert!(device.header("x-consistency").starts_with("1."));
    assert_eq!(device.body["version"], 1);
}

#[actix_web::test]
async fn a_slug_is_taken_once_in_the_deployment() {
    let world = World::new().await;
    let body = json!({"slug": "acme", "name": "Acme", "plan": "free", "administrator": {"user": "admin"}});
    world.post(OPERATOR, "/v1/organizations", body.clone()).await.expect(StatusCode::CREATED);
    let other = json!({"slug": "acme", "name": "Acme", "plan": "free", "administrator": {"user": "eve"}});
    world.post(OPERATOR, "/v1/organizations", other).await.refused(StatusCode::CONFLICT, "slug-taken");
    let terms = json!({"slug": "acme", "name": "Acme", "plan": "team", "administrator": {"user": "admin"}});
    let terms = world.post(OPERATOR, "/v1/organizations", terms).await;
    terms.refused(StatusCode::CONFLICT, "organization-already-founded");
}

#[actix_web::test]
async fn a_link_raced_for_lets_one_in_and_is_gone_for_the_others() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let invited = world.post(&acme.admin, "/v1/users", json!({"user": "ana", "role": "analyst"})).await;
    let path = invited.expect(StatusCode::CREATED).body["invitation"]["path"].as_str().unwrap().to_owned();
    let answers = join_all((0..6).map(|_| world.post("", &path, json!({"password": PASSWORD})))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(StatusCode::OK), count(StatusCode::GONE)), (1, 5));
    assert_eq!(world.events("user.accepted").await, 2, "the administrator's and this one");
    world.log_in("acme", "ana").await;
}

#[actix_web::test]
async fn an_unknown_link_and_a_short_password_are_told_apart() {
    let world = World::new().await;
    let accept =
        |password: &'static str| world.post("", "/v1/invitations/nothing/accept", json!({"password": password}));
    accept(PASSWORD).await.refused(StatusCode::NOT_FOUND, "not-found");
    let short = accept("short").await.refused(StatusCode::UNPROCESSABLE_ENTITY, "validation-failed");
    assert_eq!(short.faults(), [("/password".to_owned(), "too-short".to_owned())]);
}

#[actix_web::test]
async fn whatever_was_wrong_with_a_log_in_the_answer_is_the_same_and_the_trail_knows() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let (ana, _) = world.join(&acme, "ana", "analyst").await;
    world.act(&acme.admin, &format!("/v1/users/{ana}/disable")).await.expect(StatusCode::OK);
    let mut answers = Vec::new();
    for (slug, user, password) in [
        ("acme", "nobody", PASSWORD),
        ("acme", "admin", "wrong password, sorry"),
        ("acme", "ana", PASSWORD),
        ("acme", "not a name\u{7}", PASSWORD),
        ("nowhere", "admin", PASSWORD),
    ] {
        let body = json!({"organization": slug, "user": user, "password": password});
        let answer = world.post("", "/v1/sessions", body).await;
        let mut answer = answer.refused(StatusCode::UNAUTHORIZED, "invalid-credentials");
        answer.body["request_id"] = "".into();
        answers.push(answer.body);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    world.services.denials.settled().await;
    assert_eq!(world.events("access.log-in-failed").await, 5);
}

#[actix_web::test]
async fn the_organization_may_be_left_out_where_there_is_one() {
    let world = World::new().await;
    world.found("acme", 10).await;
    let body = json!({"user": " ADMIN ", "password": PASSWORD});
    world.post("", "/v1/sessions", body.clone()).await.expect(StatusCode::OK);
    world.found("other", 10).await;
    let unclear = world.post("", "/v1/sessions", body).await;
    let unclear = unclear.refused(StatusCode::UNPROCESSABLE_ENTITY, "validation-failed");
    assert_eq!(unclear.faults(), [("/organization".to_owned(), "required".to_owned())]);
}

#[actix_web::test]
async fn a_suspended_organization_lets_nobody_in_until_it_is_resumed() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    world.act(OPERATOR, &format!("/v1/organizations/{}/suspend", acme.id)).await.expect(StatusCode::OK);
    let body = json!({"organization": "acme", "user": "admin", "password": PASSWORD});
    world.post("", "/v1/sessions", body).await.refused(StatusCode::UNAUTHORIZED, "invalid-credentials");
    world.act(OPERATOR, &format!("/v1/organizations/{}/resume", acme.id)).await.expect(StatusCode::OK);
    world.log_in("acme", "admin").await;
}

#[actix_web::test]
async fn each_caller_may_do_what_the_table_says() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let (_, analyst) = world.join(&acme, "analyst", "analyst").await;
    let (_, auditor) = world.join(&acme, "auditor", "auditor").await;
    let (_, viewer) = world.join(&acme, "viewer", "viewer").await;
    let scanner = world.scanner_key(&acme).await;
    let callers = ["", &acme.admin, &analyst, &auditor, &viewer, &scanner, OPERATOR];
    // Empty bodies: who has the right is told what is wrong with them (415), nobody else gets so far.
    let (no, yes, anonymous) = (403, 415, 401);
    for (path, expected) in [
        ("/v1/organizations", [anonymous, no, no, no, no, no, yes]),
        ("/v1/users", [anonymous, yes, no, no, no, no, no]),
        ("/v1/api-keys", [anonymous, yes, no, no, no, no, no]),
        ("/v1/devices", [anonymous, yes, yes, no, no, yes, no]),
        ("/v1/findings", [anonymous, yes, yes, no, no, yes, no]),
        ("/v1/scans", [anonymous, yes, yes, no, no, yes, no]),
        ("/v1/findings/00000000-0000-7000-8000-0000000000aa/note", [anonymous, yes, yes, no, no, no, no]),
    ] {
        for (caller, status) in callers.iter().zip(expected) {
            let answer = world.act(caller, path).await;
            assert_eq!(answer.status.as_u16(), status, "{path} by {caller}: {}", answer.body);
        }
    }
    world.services.denials.settled().await;
    assert_eq!(world.events("access.denied").await, 5 + 5 + 5 + 3 + 3 + 3 + 4);
}

#[actix_web::test]
async fn nobody_disables_themselves_and_a_role_change_counts_at_once() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let own = format!("/v1/users/{}/disable", acme.admin_id);
    world.act(&acme.admin, &own).await.refused(StatusCode::CONFLICT, "own-access");
    let (ana, _) = world.join(&acme, "ana", "viewer").await;
    let role = format!("/v1/users/{ana}/role");
    world.put(&acme.admin, &role, json!({"role": "analyst"})).await.expect(StatusCode::OK);
    let wrong = world.put(&acme.admin, &role, json!({"role": "king"})).await;
    let wrong = wrong.refused(StatusCode::UNPROCESSABLE_ENTITY, "validation-failed");
    assert_eq!(wrong.faults(), [("/role".to_owned(), "unknown-role".to_owned())]);
}

#[actix_web::test]
async fn a_login_name_is_taken_once_however_it_is_typed() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let invite = |user: &'static str| world.post(&acme.admin, "/v1/users", json!({"user": user, "role": "viewer"}));
    world.join(&acme, "ana", "viewer").await;
    invite(" ANA").await.refused(StatusCode::CONFLICT, "login-taken");
}

#[actix_web::test]
async fn a_key_that_is_issued_again_under_the_same_idempotency_key_keeps_its_secret() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let issue = || {
        let issue = request(Method::POST, &acme.admin, "/v1/api-keys").insert_header(("Idempotency-Key", "k1"));
        world.send(issue.set_json(json!({"name": "lisbon"})))
    };
    let (first, again) = (issue().await.expect(StatusCode::CREATED), issue().await.expect(StatusCode::CREATED));
    assert!(first.body["key"].as_str().unwrap().starts_with("snk_"));
    assert_eq!((again.id(), &again.body["public_id"]), (first.id(), &first.body["public_id"]));
    assert!(again.body.get("key").is_none());
    assert_eq!(world.events("api-key.issued").await, 1);
}

#[actix_web::test]
async fn a_session_that_logs_out_answers_its_end_once() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let out = world.send(request(Method::DELETE, &acme.admin, "/v1/sessions/current")).await.expect(StatusCode::OK);
    assert_eq!(out.body["version"], 2);
    assert_eq!(world.events("session.logged-out").await, 1);
}

#[actix_web::test]
async fn names_and_addresses_never_lie_in_the_log_in_the_clear() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let body = json!({"user": "ana.lima", "display_name": "Ana Lima", "email": "ana@example.org", "role": "viewer"});
    world.post(&acme.admin, "/v1/users", body).await.expect(StatusCode::CREATED);
    let rows: Vec<(Vec<u8>, Option<Vec<u8>>)> =
        sqlx::query_as("SELECT body, meta FROM store.events").fetch_all(&world.store).await.unwrap();
    let log: String = rows
        .iter()
        .flat_map(|(body, meta)| [Some(body), meta.as_ref()])
        .flatten()
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .collect();
    for secret in ["ana.lima", "Ana Lima", "ana@example.org", "203.0.113.7", "test/1", PASSWORD] {
        assert!(!log.contains(secret), "{secret}");
    }
    assert!(log.contains("traceparent"));
}
