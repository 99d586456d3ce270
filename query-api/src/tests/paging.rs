//! Pages, cursors and totals.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::world::World;

/// Reads a list to its end; `uri` has its other parameters already.
async fn read_all(world: &World, token: &str, uri: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut page = world.read(token, uri).await;
    let total = page["total"].clone();
    loop {
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { return items };
        page = world.read(token, &format!("{uri}&cursor={next}")).await;
        assert_eq!(page["total"], total, "later pages carry the total of the first");
        assert!(!page["items"].as_array().unwrap().is_empty(), "a next page holds something");
    }
}

fn ids(items: &[Value]) -> BTreeSet<String> {
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn paging_visits_every_row_exactly_once_also_where_sort_keys_are_equal() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    world.devices(tenant, 23).await;
    world.findings(tenant, 101).await;
    world.scans(tenant, None, 7).await;
    for (uri, rows) in [
        ("/v1/devices?limit=5", 23),
        ("/v1/devices?limit=23", 23),
        ("/v1/findings?limit=7", 101),
        ("/v1/findings?limit=7&sort=last_change", 101),
        ("/v1/findings?limit=1&severity=critical", 17),
        ("/v1/scans?limit=2", 7),
    ] {
        let items = read_all(&world, &token, uri).await;
        assert_eq!((items.len(), ids(&items).len()), (rows, rows), "{uri}");
    }
}

#[actix_web::test]
async fn rows_that_arrive_meanwhile_neither_hide_nor_repeat_others() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    world.findings(tenant, 20).await;
    let first = world.read(&token, "/v1/findings?limit=10").await;
    let before = ids(first["items"].as_array().unwrap());
    sqlx::query("UPDATE read_g1.finding_totals SET tenant_id = gen_random_uuid()").execute(&world.admin).await.unwrap();
    world.findings(tenant, 20).await;
    let uri = format!("/v1/findings?limit=500&cursor={}", first["next"].as_str().unwrap());
    let rest = ids(world.read(&token, &uri).await["items"].as_array().unwrap());
    assert!(before.is_disjoint(&rest));
    assert!(rest.len() >= 10);
}

#[actix_web::test]
async fn findings_come_worst_first_or_latest_change_first() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    world.findings(tenant, 30).await;
    let worst = read_all(&world, &token, "/v1/findings?limit=9").await;
    let order = ["critical", "high", "medium", "low", "info", "unknown"];
    let ranks: Vec<_> = worst.iter().map(|item| order.iter().position(|word| item["severity"] == *word)).collect();
    assert!(ranks.is_sorted());
    let latest = read_all(&world, &token, "/v1/findings?limit=9&sort=last_change").await;
    let times: Vec<_> = latest.iter().map(|item| item["last_changed_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|earlier, later| earlier >= later));
}

#[actix_web::test]
async fn a_cursor_that_was_altered_or_belongs_to_another_query_is_refused() {
    let world = World::new().await;
    let (tenant, other) = (world.organization("acme").await, world.organization("globex").await);
    let token = world.user(tenant, "viewer").await;
    let stranger = world.user(other, "viewer").await;
    world.findings(tenant, 30).await;
    let page = world.read(&token, "/v1/findings?limit=2&severity=high").await;
    let cursor = page["next"].as_str().unwrap();
    let altered = format!("{}{}", &cursor[..cursor.len() - 2], if cursor.ends_with("AA") { "BB" } else { "AA" });
    assert_eq!(world.get(&token, &format!("/v1/findings?severity=high&cursor={cursor}")).await.status, 200);
    for (token, uri) in [
        (&token, format!("/v1/findings?severity=high&cursor={altered}")),
        (&token, format!("/v1/findings?severity=low&cursor={cursor}")),
        (&token, format!("/v1/findings?severity=high&sort=last_change&cursor={cursor}")),
        (&token, format!("/v1/devices?cursor={cursor}")),
        (&token, "/v1/findings?severity=high&cursor=".to_owned()),
        (&stranger, format!("/v1/findings?severity=high&cursor={cursor}")),
    ] {
        let answer = world.get(token, &uri).await;
        assert_eq!(answer.status, 400, "{uri}");
        assert_eq!(answer.json()["errors"][0]["code"], "invalid-cursor");
        assert_eq!(answer.json()["errors"][0]["pointer"], "?cursor");
    }
}

#[actix_web::test]
async fn totals_are_the_projections_own_or_counted_up_to_a_bound() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    world.findings(tenant, 20_100).await;
    let total = |uri| {
        let (world, token) = (&world, &token);
        async move { world.read(token, uri).await["total"].clone() }
    };
    assert_eq!(total("/v1/findings?limit=1").await, json!({"value": 20_100, "kind": "exact"}));
    assert_eq!(total("/v1/findings?limit=1&severity=high").await, json!({"value": 3_350, "kind": "exact"}));
    assert_eq!(total("/v1/findings?limit=1&type=open-port").await, json!({"value": 10_000, "kind": "at_least"}));
    assert_eq!(total("/v1/devices").await, json!({"value": 0, "kind": "exact"}));
}

#[actix_web::test]
async fn a_page_holds_fifty_rows_unless_asked_and_five_hundred_at_most() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    world.devices(tenant, 501).await;
    assert_eq!(world.read(&token, "/v1/devices").await["items"].as_array().unwrap().len(), 50);
    assert_eq!(world.read(&token, "/v1/devices?limit=500").await["items"].as_array().unwrap().len(), 500);
    for limit in ["0", "501", "-1", "x", "", "50&limit=50"] {
        let answer = world.get(&token, &format!("/v1/devices?limit={limit}")).await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (400, &json!("?limit")), "{limit}");
    }
}

#[actix_web::test]
async fn a_parked_stream_shows_in_its_tenants_lists_and_refuses_itself() {
    let world = World::new().await;
    let (tenant, other) = (world.organization("acme").await, world.organization("globex").await);
    let (token, stranger) = (world.user(tenant, "viewer").await, world.user(other, "viewer").await);
    world.devices(tenant, 3).await;
    let device = world.any_id(super::world::ANY_DEVICE, tenant).await;
    assert_eq!(world.read(&token, "/v1/devices").await["degraded"], false);
    world.park(tenant, "devices", device).await;
    assert_eq!(world.read(&token, "/v1/devices").await["degraded"], true);
    assert_eq!(world.read(&token, "/v1/findings").await["degraded"], false);
    assert_eq!(world.read(&stranger, "/v1/devices").await["degraded"], false);
    let answer = world.get(&token, &format!("/v1/devices/{device}")).await;
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("projection-parked")));
}
