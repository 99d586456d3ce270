//! The dashboard's numbers and their cache.

use serde_json::Value;
use uuid::Uuid;

use platform::redis::Redis;
use platform::testing::{TestRedis, redis};

use super::world::World;

async fn counters(world: &World, tenant: Uuid, critical: i64) {
    sqlx::query(
        "INSERT INTO read_g1.finding_counts (tenant_id, severity, disposition, detected, open, device_type, n) VALUES
             ($1, 5, 'untriaged', true, true, 'server', $2), ($1, 5, 'confirmed', true, true, '', 2),
             ($1, 4, 'false-positive', true, false, 'server', 3), ($1, 1, 'confirmed', false, false, 'printer', 0)
         ON CONFLICT (tenant_id, severity, disposition, detected, open, device_type) DO UPDATE SET n = excluded.n",
    )
    .bind(tenant)
    .bind(critical)
    .execute(&world.admin)
    .await
    .unwrap();
}

fn count_of<'a>(list: &'a Value, field: &str, word: &Value) -> &'a Value {
    list.as_array().unwrap().iter().find(|entry| entry[field] == *word).unwrap()
}

#[actix_web::test]
async fn the_summary_adds_up_what_the_projection_counted() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    counters(&world, tenant, 4).await;
    world.devices(tenant, 1).await;
    let device = world.any_id(super::world::ANY_DEVICE, tenant).await;
    sqlx::query("INSERT INTO read_g1.device_risk VALUES ($1, $2, 4, 1), ($1, gen_random_uuid(), 0, 9)")
        .bind(tenant)
        .bind(device)
        .execute(&world.admin)
        .await
        .unwrap();
    sqlx::query("INSERT INTO read_g1.daily_counts VALUES ($1, (now() AT TIME ZONE 'UTC')::date, 6, 1)")
        .bind(tenant)
        .execute(&world.admin)
        .await
        .unwrap();
    sqlx::query("INSERT INTO read_g1.device_counts VALUES ($1, 'server', 3), ($1, '', 5)")
        .bind(tenant)
        .execute(&world.admin)
        .await
        .unwrap();
    let summary = world.read(&token, "/v1/summary").await;
    let findings = &summary["findings"];
    assert_eq!((&findings["total"], &findings["open"]), (&9.into(), &6.into()));
    let critical = count_of(&findings["by_severity"], "severity", &"critical".into());
    assert_eq!((&critical["total"], &critical["open"]), (&6.into(), &6.into()));
    let confirmed = count_of(&findings["by_disposition"], "disposition", &"confirmed".into());
    assert_eq!((&confirmed["total"], &confirmed["open"]), (&2.into(), &2.into()));
    let servers = count_of(&findings["by_device_type"], "device_type", &"server".into());
    assert_eq!((&servers["total"], &servers["open"]), (&7.into(), &4.into()));
    assert_eq!(count_of(&findings["by_device_type"], "device_type", &Value::Null)["total"], 2);
    assert_eq!(
        (&summary["devices"]["total"], &summary["devices"]["by_type"][1]["device_type"]),
        (&8.into(), &"server".into())
    );
    assert_eq!(summary["per_day"].as_array().unwrap().len(), 30);
    assert_eq!((&summary["per_day"][29]["raised"], &summary["per_day"][28]["raised"]), (&6.into(), &0.into()));
    assert_eq!(summary["worst_devices"][0]["device_id"], device.to_string());
    assert_eq!(summary["worst_devices"][1]["open_high"], 9);
}

#[actix_web::test]
async fn a_summary_is_kept_until_its_projection_moves_and_never_longer() {
    let world = World::new().await;
    let (tenant, other) = (world.organization("acme").await, world.organization("globex").await);
    let token = world.user(tenant, "viewer").await;
    counters(&world, tenant, 1).await;
    world.checkpoint(tenant, "summary", 1).await;
    assert_eq!(world.read(&token, "/v1/summary").await["findings"]["total"], 6);
    counters(&world, tenant, 10).await;
    assert_eq!(world.read(&token, "/v1/summary").await["findings"]["total"], 6, "the same position, the same answer");
    world.checkpoint(tenant, "summary", 2).await;
    let position = format!("1.{}.2", crate::freshness::partition_of(tenant));
    world.checkpoint(tenant, "devices", 2).await;
    let read = super::world::get(&token, "/v1/summary").insert_header(("x-consistency", position));
    assert_eq!(world.call(read).await.json()["findings"]["total"], 15);
    let stranger = world.user(other, "viewer").await;
    assert_eq!(world.read(&stranger, "/v1/summary").await["findings"]["total"], 0);
}

#[actix_web::test]
async fn a_retired_device_is_not_among_the_worst_however_bad_it_was() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    world.devices(tenant, 1).await;
    let device = world.any_id(super::world::ANY_DEVICE, tenant).await;
    for statement in [
        "INSERT INTO read_g1.device_risk VALUES ($1, $2, 9, 9)",
        "UPDATE read_g1.devices SET retired = true WHERE tenant_id = $1 AND device_id = $2",
    ] {
        sqlx::query(statement).bind(tenant).bind(device).execute(&world.admin).await.unwrap();
    }
    let summary = world.read(&token, "/v1/summary").await;
    assert_eq!(summary["worst_devices"], serde_json::json!([]));
}

/// What a projector would have written: rows of this moment.
async fn copy(world: &World, place: &TestRedis, redis: &Redis, tenant: Uuid) -> String {
    let rows: String =
        sqlx::query_scalar("SELECT read.summary_rows($1)").bind(tenant).fetch_one(&world.admin).await.unwrap();
    write(place, redis, tenant, &rows).await;
    rows
}

async fn write(place: &TestRedis, redis: &Redis, tenant: Uuid, rows: &str) {
    let key = platform::redis::copy_key(&place.prefix, tenant, "summary");
    redis.set_field(&key, "rows", rows).await.unwrap();
}

fn copied(world: &World) -> u64 {
    world.api.metrics().summary_copied.get()
}

#[actix_web::test]
async fn a_summary_from_the_copy_is_the_very_answer_that_postgres_gives() {
    let place = redis().await;
    let redis = place.client().await;
    let world = World::with_redis(redis.clone()).await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    counters(&world, tenant, 7).await;
    world.devices(tenant, 1).await;
    for (projection, seq) in [("summary", 4), ("devices", 3)] {
        world.last_seq(tenant, projection, seq).await;
    }
    let from_postgres = world.get(&token, "/v1/summary").await;
    assert_eq!(copied(&world), 0);
    copy(&world, &place, &redis, tenant).await;
    // Another version of the same rows, so that the process's own cache does not have it.
    world.last_seq(tenant, "devices", 5).await;
    copy(&world, &place, &redis, tenant).await;
    let position = format!("1.{}.3", crate::freshness::partition_of(tenant));
    world.checkpoint(tenant, "summary", 4).await;
    world.checkpoint(tenant, "devices", 5).await;
    let asked = super::world::get(&token, "/v1/summary").insert_header(("x-consistency", position));
    let from_copy = world.call(asked).await;
    assert_eq!(copied(&world), 1);
    assert_eq!(from_copy.bytes, from_postgres.bytes);
}

#[actix_web::test]
async fn a_copy_from_an_older_dump_is_never_shown() {
    let place = redis().await;
    let redis = place.client().await;
    let world = World::with_redis(redis.clone()).await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    counters(&world, tenant, 1).await;
    world.last_seq(tenant, "summary", 1).await;
    let old = copy(&world, &place, &redis, tenant).await;
    counters(&world, tenant, 10).await;
    world.checkpoint(tenant, "devices", 2).await;
    world.checkpoint(tenant, "summary", 2).await;
    write(&place, &redis, tenant, &old).await;
    let position = format!("1.{}.2", crate::freshness::partition_of(tenant));
    let asked = super::world::get(&token, "/v1/summary").insert_header(("x-consistency", position));
    assert_eq!(world.call(asked).await.json()["findings"]["total"], 15);
    for nonsense in ["", "{}", "[1,2]", "{\"version\":{}}"] {
        write(&place, &redis, tenant, nonsense).await;
        world.last_seq(tenant, "summary", 3 + nonsense.len() as i64).await;
        assert_eq!(world.read(&token, "/v1/summary").await["findings"]["total"], 15, "{nonsense}");
    }
    assert_eq!(copied(&world), 0);
}

#[actix_web::test]
async fn with_redis_away_the_summary_comes_from_postgres() {
    let nowhere = TestRedis::at("redis://127.0.0.1:1".to_owned()).start();
    let world = World::with_redis(nowhere).await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    counters(&world, tenant, 4).await;
    assert_eq!(world.read(&token, "/v1/summary").await["findings"]["total"], 9);
}

#[actix_web::test]
async fn a_page_that_was_kept_is_the_page_and_is_left_when_the_tenant_moves_on() {
    let place = redis().await;
    let world = World::with_redis(place.client().await).await;
    let tenant = world.organization("acme").await;
    let (viewer, analyst) = (world.user(tenant, "viewer").await, world.user(tenant, "analyst").await);
    world.devices(tenant, 3).await;
    world.last_seq(tenant, "devices", 3).await;
    let kept = || world.api.metrics().kept_answers.get();
    let first = world.get(&viewer, "/v1/devices?limit=2").await;
    let second = world.get(&viewer, "/v1/devices?limit=2").await;
    assert_eq!((kept(), &second.bytes, second.header("etag")), (1, &first.bytes, first.header("etag")));
    let held = super::world::get(&viewer, "/v1/devices?limit=2");
    let held = held.insert_header(("if-none-match", first.header("etag").unwrap()));
    assert_eq!(world.call(held).await.status, 304);
    world.get(&analyst, "/v1/devices?limit=2").await;
    assert_eq!(kept(), 2, "another role's page is another page");
    world.checkpoint(tenant, "devices", 4).await;
    sqlx::query("UPDATE read_g1.devices SET host_name = 'renamed' WHERE tenant_id = $1")
        .bind(tenant)
        .execute(&world.admin)
        .await
        .unwrap();
    let position = format!("1.{}.4", crate::freshness::partition_of(tenant));
    let asked = super::world::get(&viewer, "/v1/devices?limit=2").insert_header(("x-consistency", position));
    assert!(world.call(asked).await.text().contains("renamed"));
    assert!(world.get(&viewer, "/v1/devices?limit=2").await.text().contains("renamed"), "nobody is shown less again");
}
