//! Every route for every kind of caller, and what is reported of a refusal.

use platform::auth::Principal;

use super::world::{OPERATOR_TOKEN, World, get};
use crate::openapi::openapi;

/// Callers in the order of the table's columns.
const CALLERS: [&str; 7] = ["nobody", "administrator", "analyst", "auditor", "viewer", "scanner", "operator"];

/// What each caller gets. Resources are asked for under an id that does not exist.
const RIGHTS: [(&str, [u16; 7]); 18] = [
    ("/v1/me", [401, 200, 200, 200, 200, 200, 200]),
    ("/v1/organization", [401, 200, 200, 200, 200, 403, 403]),
    ("/v1/organizations", [401, 403, 403, 403, 403, 403, 200]),
    ("/v1/users", [401, 200, 403, 200, 403, 403, 403]),
    ("/v1/api-keys", [401, 200, 403, 200, 403, 403, 403]),
    ("/v1/devices", [401, 200, 200, 200, 200, 403, 403]),
    ("/v1/devices/{id}", [401, 404, 404, 404, 404, 403, 403]),
    ("/v1/findings", [401, 200, 200, 200, 200, 403, 403]),
    ("/v1/findings/{id}", [401, 404, 404, 404, 404, 403, 403]),
    ("/v1/findings/{id}/history", [401, 404, 404, 404, 404, 403, 403]),
    ("/v1/scans", [401, 200, 200, 200, 200, 200, 403]),
    ("/v1/scans/{id}", [401, 404, 404, 404, 404, 404, 403]),
    ("/v1/summary", [401, 200, 200, 200, 200, 403, 403]),
    ("/v1/audit-trail", [401, 200, 403, 200, 403, 403, 403]),
    ("/v1/projections", [401, 403, 403, 403, 403, 403, 200]),
    ("/v1/projections/{name}", [401, 403, 403, 403, 403, 403, 200]),
    ("/v1/projections/{name}/parked", [401, 403, 403, 403, 403, 403, 200]),
    ("/v1/operations/{id}", [401, 403, 403, 403, 403, 403, 404]),
];

#[actix_web::test]
async fn every_route_answers_every_kind_of_caller_as_the_table_says() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let (scanner, _) = world.scanner(tenant).await;
    let mut tokens = vec!["nobody".to_owned()];
    for role in &CALLERS[1..5] {
        tokens.push(world.user(tenant, role).await);
    }
    tokens.extend([scanner, OPERATOR_TOKEN.to_owned()]);
    for (path, expected) in RIGHTS {
        let uri = path.replace("{id}", "0192f0c0-0000-7000-8000-000000000000").replace("{name}", "devices");
        for ((caller, token), status) in CALLERS.iter().zip(&tokens).zip(expected) {
            let answer = world.get(token, &uri).await;
            assert_eq!(answer.status, status, "{caller} {path}: {}", answer.text());
        }
    }
}

#[test]
fn the_table_of_rights_names_every_route_of_the_document() {
    let documented: Vec<String> = openapi().paths.paths.into_keys().collect();
    let mut listed: Vec<String> = RIGHTS.iter().map(|(path, _)| (*path).to_owned()).collect();
    listed.sort_unstable();
    let mut sorted = documented;
    sorted.sort_unstable();
    assert_eq!(sorted, listed);
}

#[actix_web::test]
async fn a_refusal_is_reported_with_who_was_refused_what_and_from_where() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let (token, user) = world.user_with_id(tenant, "viewer").await;
    world.call(get(&token, "/v1/audit-trail?actor=operator").insert_header(("x-request-id", "abc"))).await;
    world.call(get(&token, "/v1/devices")).await;
    let denials = world.denials.lock().unwrap();
    let [denial] = denials.as_slice() else { panic!("one refusal, one report") };
    assert_eq!(denial.operation, "GET /v1/audit-trail");
    assert_eq!(denial.context.request_id, "abc");
    assert!(matches!(denial.principal, Principal::User { tenant: of, user: who, .. } if of == tenant && who == user));
}

#[actix_web::test]
async fn a_scanner_sees_the_scans_it_sent_and_no_others() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let (mine, key) = world.scanner(tenant).await;
    let (other, _) = world.scanner(tenant).await;
    world.scans(tenant, Some(key), 3).await;
    world.scans(tenant, None, 2).await;
    let list = world.read(&mine, "/v1/scans").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 3);
    assert_eq!(list["total"]["value"], 3);
    let scan = list["items"][0]["id"].as_str().unwrap();
    assert_eq!(world.get(&mine, &format!("/v1/scans/{scan}")).await.status, 200);
    assert_eq!(world.get(&other, &format!("/v1/scans/{scan}")).await.status, 404);
    assert_eq!(world.read(&other, "/v1/scans").await["items"], serde_json::json!([]));
}

#[actix_web::test]
async fn the_operator_lists_all_organizations_by_slug_page_by_page() {
    let world = World::new().await;
    for slug in ["globex", "acme", "initech"] {
        world.organization(slug).await;
    }
    let first = world.read(OPERATOR_TOKEN, "/v1/organizations?limit=2").await;
    assert_eq!((&first["items"][0]["slug"], &first["items"][1]["slug"]), (&"acme".into(), &"globex".into()));
    assert_eq!(first["total"], serde_json::json!({"value": 3, "kind": "exact"}));
    let uri = format!("/v1/organizations?limit=2&cursor={}", first["next"].as_str().unwrap());
    let second = world.read(OPERATOR_TOKEN, &uri).await;
    assert_eq!((&second["items"][0]["slug"], &second["next"]), (&"initech".into(), &serde_json::Value::Null));
}
