//! Filters of findings: each alone, together, and in every way of writing them.

use serde_json::Value;
use uuid::Uuid;

use super::world::{ANY_FINDING, World};

async fn count(world: &World, token: &str, query: &str) -> usize {
    let page = world.read(token, &format!("/v1/findings?limit=500&{query}")).await;
    let rows = page["items"].as_array().unwrap().len();
    assert_eq!(page["total"]["value"], rows, "the total agrees with the rows: {query}");
    rows
}

#[actix_web::test]
async fn each_filter_shows_what_matches_and_nothing_else() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    world.findings(tenant, 120).await;
    for (query, rows) in [
        ("severity=critical", 20),
        ("severity=critical,high", 40),
        ("severity=critical&severity=high", 40),
        ("disposition=untriaged", 40),
        ("disposition=confirmed", 40),
        ("disposition=confirmed,false-positive", 80),
        ("remediation=in-progress", 16),
        ("remediation=open,in-progress", 80),
        ("detected=false", 30),
        ("detected=true", 90),
        ("type=open-port", 60),
        ("type=open-port,weak-cipher", 120),
        ("severity=unknown&disposition=confirmed", 20),
        ("severity=critical&disposition=confirmed", 0),
        ("disposition=accepted&sort=last_change", 0),
    ] {
        assert_eq!(count(&world, &token, query).await, rows, "{query}");
    }
}

#[actix_web::test]
async fn findings_are_found_by_device_assignee_and_cve() {
    let world = World::new().await;
    let (tenant, other) = (world.organization("acme").await, world.organization("globex").await);
    let token = world.user(tenant, "viewer").await;
    world.findings(tenant, 10).await;
    let finding = world.any_id(ANY_FINDING, tenant).await;
    let (device, assignee) = (Uuid::now_v7(), Uuid::now_v7());
    sqlx::query("UPDATE read_g1.findings SET device_id = $1, assignee = $2 WHERE finding_id = $3")
        .bind(device)
        .bind(assignee)
        .bind(finding)
        .execute(&world.admin)
        .await
        .unwrap();
    for of in [tenant, other] {
        sqlx::query("INSERT INTO read_g1.finding_cves (tenant_id, cve, finding_id) VALUES ($1, 'CVE-2024-6387', $2)")
            .bind(of)
            .bind(finding)
            .execute(&world.admin)
            .await
            .unwrap();
    }
    for query in [
        format!("device={device}"),
        format!("assignee={assignee}"),
        "cve=cve-2024-6387".to_owned(),
        format!("cve=CVE-2024-6387,CVE-2000-0001&device={device},{assignee}"),
    ] {
        let page = world.read(&token, &format!("/v1/findings?{query}")).await;
        assert_eq!(page["items"][0]["id"], finding.to_string(), "{query}");
        assert_eq!(page["total"]["value"], 1, "{query}");
    }
    assert_eq!(count(&world, &token, &format!("device={}", Uuid::now_v7())).await, 0);
    assert_eq!(count(&world, &token, "cve=CVE-2000-0001").await, 0);
}

#[actix_web::test]
async fn every_fault_of_a_query_is_told_at_once() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    let uri = "/v1/findings?severity=bad&detected=maybe&device=7&cve=x&type=A%00B&sort=title&colour=red&limit=9999";
    let answer = world.get(&token, uri).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &"malformed-request".into()));
    let pointers: Vec<Value> =
        answer.json()["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
    for name in ["severity", "detected", "device", "cve", "type", "sort", "colour", "limit"] {
        assert!(pointers.contains(&format!("?{name}").into()), "{name} of {pointers:?}");
    }
}

#[actix_web::test]
async fn a_filter_with_too_many_values_is_refused() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    let types: Vec<String> = (0..51).map(|n| format!("type-{n}")).collect();
    assert_eq!(world.get(&token, &format!("/v1/findings?type={}", types.join(","))).await.status, 400);
    assert_eq!(world.get(&token, &format!("/v1/findings?type={}", types[1..].join(","))).await.status, 200);
}
