//! Weak tags of lists: they stay while the answer would, and no longer.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::world::{ANY_FINDING, OPERATOR_TOKEN, World, get};

const LISTS: [(&str, &str); 6] = [
    ("/v1/devices", "devices"),
    ("/v1/findings", "findings"),
    ("/v1/scans", "scans"),
    ("/v1/users", "users"),
    ("/v1/api-keys", "api_keys"),
    ("/v1/audit-trail", "audit_trail"),
];

async fn tag(world: &World, token: &str, uri: &str) -> String {
    let answer = world.get(token, uri).await;
    assert_eq!(answer.status, 200, "{uri}");
    let tag = answer.header("etag").unwrap_or_else(|| panic!("{uri} has no tag")).to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    assert_eq!(
        (answer.header("cache-control"), answer.header("vary")),
        (Some("private, no-cache"), Some("Authorization"))
    );
    tag
}

async fn is_held(world: &World, token: &str, uri: &str, tag: &str) -> bool {
    let answer = world.call(get(token, uri).insert_header(("if-none-match", tag.to_owned()))).await;
    match answer.status {
        304 => {
            assert!(answer.bytes.is_empty() && answer.header("etag").is_some_and(|held| tag.contains(held)));
            true
        }
        status => {
            assert_eq!(status, 200);
            false
        }
    }
}

async fn organization(world: &World, slug: &str) -> Uuid {
    let tenant = world.organization(slug).await;
    for (_, projection) in LISTS {
        world.seq(tenant, projection, 10).await;
    }
    tenant
}

#[actix_web::test]
async fn a_list_is_held_until_its_projection_moves() {
    let world = World::new().await;
    let tenant = organization(&world, "acme").await;
    let token = world.user(tenant, "auditor").await;
    for (uri, projection) in LISTS {
        let first = tag(&world, &token, uri).await;
        assert!(is_held(&world, &token, uri, &first).await, "{uri}");
        assert!(is_held(&world, &token, uri, &format!("\"x\", {first}")).await, "{uri}");
        world.seq(tenant, projection, 11).await;
        assert!(!is_held(&world, &token, uri, &first).await, "{uri}");
        assert_ne!(tag(&world, &token, uri).await, first, "{uri}");
    }
}

#[actix_web::test]
async fn a_stream_that_is_parked_a_repair_and_another_generation_change_the_tag() {
    let world = World::new().await;
    let tenant = organization(&world, "acme").await;
    let token = world.user(tenant, "viewer").await;
    let first = tag(&world, &token, "/v1/devices").await;
    world.park(tenant, "devices", Uuid::now_v7()).await;
    let parked = tag(&world, &token, "/v1/devices").await;
    sqlx::query("UPDATE read.generations SET repairs = 1 WHERE projection = 'devices'")
        .execute(&world.admin)
        .await
        .unwrap();
    let repaired = tag(&world, &token, "/v1/devices").await;
    sqlx::query("UPDATE read.generations SET state = 'standby' WHERE projection = 'devices'")
        .execute(&world.admin)
        .await
        .unwrap();
    assert_eq!(
        world.get(&token, "/v1/devices").await.header("etag"),
        None,
        "without a live generation nothing is known"
    );
    assert_eq!(BTreeSet::from([first, parked, repaired]).len(), 3);
}

#[actix_web::test]
async fn questions_tenants_and_rights_share_no_tag() {
    let world = World::new().await;
    let (tenant, other) = (organization(&world, "acme").await, organization(&world, "globex").await);
    world.scans(tenant, None, 3).await;
    let (viewer, auditor) = (world.user(tenant, "viewer").await, world.user(tenant, "auditor").await);
    let stranger = world.user(other, "viewer").await;
    let ((key, id), (other_key, _)) = (world.scanner(tenant).await, world.scanner(tenant).await);
    world.scans(tenant, Some(id), 1).await;
    let next = world.read(&viewer, "/v1/scans?limit=1").await["next"].as_str().unwrap().to_owned();
    let second = format!("/v1/scans?limit=1&cursor={next}");
    let mut tags = BTreeSet::new();
    let asked = [
        (&viewer, "/v1/scans"),
        (&auditor, "/v1/scans"),
        (&stranger, "/v1/scans"),
        (&key, "/v1/scans"),
        (&other_key, "/v1/scans"),
        (&viewer, "/v1/scans?limit=1"),
        (&viewer, second.as_str()),
        (&viewer, "/v1/devices"),
        (&viewer, "/v1/findings"),
        (&viewer, "/v1/findings?severity=high"),
        (&viewer, "/v1/findings?sort=last_change"),
    ];
    for (token, uri) in asked {
        assert!(tags.insert(tag(&world, token, uri).await), "{uri}");
    }
    let colleague = world.user(tenant, "viewer").await;
    assert!(tags.contains(&tag(&world, &colleague, "/v1/scans").await), "the same rights see the same list");
}

#[actix_web::test]
async fn without_a_known_position_there_is_no_tag() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    assert_eq!(world.get(&token, "/v1/devices").await.header("etag"), None);
}

#[actix_web::test]
async fn a_history_and_the_operators_list_are_held_too() {
    let world = World::new().await;
    let tenant = organization(&world, "acme").await;
    world.findings(tenant, 1).await;
    let token = world.user(tenant, "viewer").await;
    let uri = format!("/v1/findings/{}/history", world.any_id(ANY_FINDING, tenant).await);
    let first = tag(&world, &token, &uri).await;
    assert!(is_held(&world, &token, &uri, &first).await);
    let missing = format!("/v1/findings/{}/history", Uuid::now_v7());
    assert_eq!(world.call(get(&token, &missing).insert_header(("if-none-match", "*"))).await.status, 404);
    let all = tag(&world, OPERATOR_TOKEN, "/v1/organizations").await;
    assert!(is_held(&world, OPERATOR_TOKEN, "/v1/organizations", &all).await);
    world.checkpoint(tenant, "organizations", 11).await;
    assert!(!is_held(&world, OPERATOR_TOKEN, "/v1/organizations", &all).await);
}

#[actix_web::test]
async fn a_total_is_counted_once_for_a_state_and_taken_from_the_counters_where_they_are_in_step() {
    let world = World::new().await;
    let tenant = organization(&world, "acme").await;
    let token = world.user(tenant, "viewer").await;
    world.findings(tenant, 60).await;
    let total = async |query: &str| world.read(&token, &format!("/v1/findings?limit=1&{query}")).await["total"].clone();
    assert_eq!(total("severity=critical").await, json!({"value": 10, "kind": "exact"}));
    sqlx::query("DELETE FROM read_g1.findings WHERE severity = 5").execute(&world.admin).await.unwrap();
    assert_eq!(total("severity=critical").await["value"], 10, "nothing has moved, so nothing is counted");
    world.seq(tenant, "findings", 11).await;
    assert_eq!(total("severity=critical").await["value"], 0);
    world.seq(tenant, "summary", 11).await;
    sqlx::query(
        "INSERT INTO read_g1.finding_counts (tenant_id, severity, disposition, detected, open, device_type, n)
         SELECT $1, s, d, t, t, '', 100 + s FROM generate_series(4, 5) s, unnest(ARRAY['untriaged', 'confirmed']) d, unnest(ARRAY[true, false]) t",
    )
    .bind(tenant)
    .execute(&world.admin)
    .await
    .unwrap();
    world.seq(tenant, "findings", 12).await;
    assert_eq!(total("severity=high&detected=true").await["value"], 5, "the counters are behind");
    world.seq(tenant, "summary", 12).await;
    for (query, value) in [
        ("severity=high", 416),
        ("severity=critical,high", 836),
        ("detected=true&severity=critical", 210),
        ("disposition=confirmed", 418),
        ("disposition=accepted", 0),
    ] {
        assert_eq!(total(query).await, json!({"value": value, "kind": "exact"}), "{query}");
    }
    world.park(tenant, "summary", Uuid::now_v7()).await;
    assert_ne!(total("disposition=confirmed&detected=true").await["value"], 209);
}
