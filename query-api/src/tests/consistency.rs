//! Reading one's own writes.

use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};

use super::world::{OPERATOR_TOKEN, World, get};
use crate::freshness::partition_of;

#[test]
fn a_tenants_partition_is_the_one_the_store_computes() {
    assert_eq!(partition_of("00000000-0000-7000-8000-000000000001".parse().unwrap()), PARTITION_OF_DEPLOYMENT);
}

/// First eight bytes of `sha256(uuid)`, big-endian, modulo 64; worked out by other means.
const PARTITION_OF_DEPLOYMENT: i16 = 38;

#[actix_web::test]
async fn a_read_waits_until_the_projection_has_got_there_and_no_longer() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    let position = format!("1.{}.7", partition_of(tenant));
    let began = Instant::now();
    let read = world.call(get(&token, "/v1/devices").insert_header(("x-consistency", position)));
    let catch_up = async {
        while !world.api.freshness().is_awaited(partition_of(tenant)) {
            tokio::task::yield_now().await;
        }
        world.devices(tenant, 1).await;
        world.checkpoint(tenant, "devices", 7).await;
    };
    let (answer, ()) = join(read, catch_up).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["items"].as_array().unwrap().len(), 1);
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[actix_web::test]
async fn a_read_whose_projection_does_not_get_there_is_told_to_come_again() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    world.checkpoint(tenant, "devices", 7).await;
    world.checkpoint(tenant, "summary", 6).await;
    let position = format!("1.{}.7", partition_of(tenant));
    let devices = world.call(get(&token, "/v1/devices").insert_header(("x-consistency", position.clone()))).await;
    assert_eq!(devices.status, 200);
    let began = Instant::now();
    let summary = world.call(get(&token, "/v1/summary").insert_header(("x-consistency", position))).await;
    assert_eq!((summary.status, &summary.json()["code"]), (425, &"position-not-reached".into()));
    assert_eq!(summary.header("retry-after"), Some("1"));
    assert!(began.elapsed() >= Duration::from_secs(2));
}

#[actix_web::test]
async fn a_malformed_token_or_one_of_another_tenant_is_refused_at_once() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    let elsewhere = (partition_of(tenant) + 1) % 64;
    for (header, code) in [
        ("nonsense".to_owned(), "malformed-token"),
        ("1.2".to_owned(), "malformed-token"),
        ("1.64.1".to_owned(), "malformed-token"),
        (format!("1.{elsewhere}.1"), "wrong-partition"),
    ] {
        let answer = world.call(get(&token, "/v1/devices").insert_header(("x-consistency", header))).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &code.into()));
    }
}

#[actix_web::test]
async fn a_position_that_a_restore_took_back_is_gone_and_an_earlier_one_carries_over() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    let partition = partition_of(tenant);
    sqlx::query("INSERT INTO store.log_epochs (epoch, partition, first_seq) VALUES (2, $1, 5)")
        .bind(partition)
        .execute(&world.admin)
        .await
        .unwrap();
    world.checkpoint(tenant, "devices", 4).await;
    for (position, status) in [(format!("1.{partition}.5"), 410), (format!("1.{partition}.4"), 200)] {
        let answer = world.call(get(&token, "/v1/devices").insert_header(("x-consistency", position))).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
}

#[actix_web::test]
async fn fifty_readers_wait_together_and_all_are_answered() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    let position = format!("1.{}.7", partition_of(tenant));
    let reads =
        (0..50).map(|_| world.call(get(&token, "/v1/devices").insert_header(("x-consistency", position.clone()))));
    let catch_up = async {
        while !world.api.freshness().is_awaited(partition_of(tenant)) {
            tokio::task::yield_now().await;
        }
        world.checkpoint(tenant, "devices", 8).await;
    };
    let (answers, ()) = join(join_all(reads), catch_up).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(!world.api.freshness().is_awaited(partition_of(tenant)), "nobody is left waiting");
}

#[actix_web::test]
async fn a_database_that_is_away_is_told_as_such_and_not_as_an_empty_list() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    assert_eq!(world.get(&token, "/v1/devices").await.status, 200);
    world.reader.close().await;
    for uri in ["/v1/devices", "/v1/summary", "/v1/organization"] {
        let answer = world.get(&token, uri).await;
        assert_eq!((answer.status, &answer.json()["code"]), (503, &"unavailable".into()), "{uri}");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}

#[actix_web::test]
async fn an_operator_may_wait_for_any_partition() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    world.checkpoint(tenant, "organizations", 3).await;
    let position = format!("1.{}.3", partition_of(tenant));
    let answer = world.call(get(OPERATOR_TOKEN, "/v1/organizations").insert_header(("x-consistency", position))).await;
    assert_eq!(answer.status, 200);
}
