//! Copies of the summary in Redis: owed with the rows, never older than what is there, whole again after any loss.

use futures_util::future::join_all;
use platform::redis::{Redis, copy_key};
use platform::testing::{TestRedis, redis};
use prometheus::Registry;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::world::{Fact, World, id};
use crate::metrics::Metrics;
use crate::redis_models::debts::Copy;
use crate::redis_models::{Round, Worker, debts, writing};

const BATCH: usize = 100;
const OWED: &str = "SELECT count(*) FROM read.redis_owed";

async fn owing() -> (World, TestRedis, Redis) {
    let mut world = World::new().await;
    world.pools = world.pools.clone().owing_copies();
    let place = redis().await;
    let redis = place.client().await;
    (world, place, redis)
}

fn worker(world: &World, redis: &Redis) -> Worker {
    let metrics = Metrics::register(&Registry::new()).unwrap();
    Worker::new(world.projector.clone(), redis.clone(), metrics.redis)
}

async fn held(redis: &Redis, tenant: Uuid) -> Option<String> {
    redis.field(&copy_key(redis.prefix(), tenant, "summary"), "rows").await.unwrap()
}

async fn in_postgres(world: &World, tenant: Uuid) -> String {
    sqlx::query_scalar("SELECT read.summary_rows($1)").bind(tenant).fetch_one(&world.admin).await.unwrap()
}

async fn raise(world: &World, tenant: Uuid, finding: u128) {
    world.append_fact(Fact::raised(tenant, id(finding), None, "high")).await;
    world.catch_up_all(BATCH).await;
}

#[tokio::test]
async fn what_changes_is_owed_and_written_as_postgres_has_it() {
    let (world, _, redis) = owing().await;
    raise(&world, id(1), 20).await;
    world.append_fact(Fact::registered(id(2), id(30), "router")).await;
    world.catch_up_all(BATCH).await;
    let worker = worker(&world, &redis);
    assert_eq!(worker.round(true).await.unwrap(), Round::Worked { tenants: 2 });
    assert_eq!(world.number(OWED).await, 0);
    for tenant in [id(1), id(2)] {
        assert_eq!(held(&redis, tenant).await, Some(in_postgres(&world, tenant).await));
    }
    assert_eq!(worker.round(true).await.unwrap(), Round::Worked { tenants: 0 });
    world.append_fact(Fact::json(id(1), id(20), "finding.confirmed", json!({}))).await;
    world.catch_up_all(BATCH).await;
    assert_eq!(worker.round(false).await.unwrap(), Round::Worked { tenants: 1 });
    assert_eq!(held(&redis, id(1)).await, Some(in_postgres(&world, id(1)).await));
}

#[tokio::test]
async fn a_worker_that_died_before_it_settled_leaves_a_debt_that_the_next_pays() {
    let (world, _, redis) = owing().await;
    raise(&world, id(1), 20).await;
    let died_with = debts::summary(&world.projector, id(1)).await.unwrap();
    assert!(writing::summary(&redis, id(1), &died_with).await.unwrap());
    assert!(world.number(OWED).await > 0);
    assert_eq!(worker(&world, &redis).round(false).await.unwrap(), Round::Worked { tenants: 1 });
    assert_eq!(world.number(OWED).await, 0);
    // What changed after the copy was made is still owed once that copy is settled.
    let before = debts::summary(&world.projector, id(1)).await.unwrap();
    raise(&world, id(1), 21).await;
    debts::settle(&world.projector, id(1), &before.revisions).await.unwrap();
    assert!(world.number(OWED).await > 0);
}

#[tokio::test]
async fn one_worker_at_a_time_holds_the_lease() {
    let (world, _, redis) = owing().await;
    let (first, second) = (worker(&world, &redis), worker(&world, &redis));
    assert_eq!(first.round(false).await.unwrap(), Round::Worked { tenants: 0 });
    assert_eq!(second.round(false).await.unwrap(), Round::NotOurs);
    world.execute("UPDATE read.redis_state SET leased_until = now() - interval '1 second'").await;
    assert_eq!(second.round(false).await.unwrap(), Round::Worked { tenants: 0 });
}

#[tokio::test]
async fn a_redis_that_lost_everything_or_went_back_in_time_is_written_anew() {
    let (world, place, redis) = owing().await;
    raise(&world, id(1), 20).await;
    let worker = worker(&world, &redis);
    worker.round(true).await.unwrap();
    let old = held(&redis, id(1)).await.unwrap();
    raise(&world, id(1), 21).await;
    worker.round(true).await.unwrap();
    // An older dump: the copy and the mark of then, whatever the order says.
    redis.set_field(&copy_key(&place.prefix, id(1), "summary"), "rows", &old).await.unwrap();
    redis.set_field(&copy_key(&place.prefix, id(1), "summary"), "order", "0").await.unwrap();
    redis.forget(&format!("{}copies:mark", place.prefix)).await.unwrap();
    worker.round(true).await.unwrap();
    assert_eq!(held(&redis, id(1)).await, Some(in_postgres(&world, id(1)).await));
    redis.forget(&copy_key(&place.prefix, id(1), "summary")).await.unwrap();
    redis.forget(&format!("{}copies:mark", place.prefix)).await.unwrap();
    worker.round(true).await.unwrap();
    assert_eq!(held(&redis, id(1)).await, Some(in_postgres(&world, id(1)).await));
}

#[tokio::test]
async fn a_switch_a_repair_and_a_new_epoch_owe_everything_and_win_over_what_was_there() {
    let (world, _, redis) = owing().await;
    raise(&world, id(1), 20).await;
    let worker = worker(&world, &redis);
    worker.round(true).await.unwrap();
    for change in [
        "UPDATE read.generations SET repairs = repairs + 1 WHERE projection = 'summary'",
        "UPDATE read.generations SET live_since = clock_timestamp() WHERE projection = 'devices'",
        "INSERT INTO store.log_epochs (epoch, partition, first_seq) SELECT 2, generate_series(0, 63), 1000",
    ] {
        world.execute(change).await;
        assert_eq!(worker.round(true).await.unwrap(), Round::Worked { tenants: 1 }, "{change}");
        assert_eq!(held(&redis, id(1)).await, Some(in_postgres(&world, id(1)).await), "{change}");
    }
}

#[tokio::test]
async fn debts_stay_while_redis_is_away_and_are_one_a_tenant_and_projection() {
    let (world, ..) = owing().await;
    for finding in 20..40 {
        raise(&world, id(1), finding).await;
    }
    world.append_fact(Fact::registered(id(1), id(50), "router")).await;
    world.catch_up_all(BATCH).await;
    let nowhere = TestRedis::at("redis://127.0.0.1:1".to_owned()).start();
    assert!(worker(&world, &nowhere).round(true).await.is_err());
    assert_eq!(world.number(OWED).await, 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever arrives together and in whichever order, the newest is what stays.
    #[test]
    fn the_newest_copy_stays(moments in prop::collection::vec(0_u32..1_000, 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let redis = redis().await.client().await;
            let copy = |moment: &u32| {
                Copy { order: format!("{moment:010}"), rows: moment.to_string(), revisions: vec![] }
            };
            let copies: Vec<Copy> = moments.iter().map(copy).collect();
            let written = join_all(copies.iter().map(|copy| writing::summary(&redis, id(1), copy))).await;
            prop_assert!(written.into_iter().all(|written| written.is_ok()));
            let newest = moments.iter().max().map(u32::to_string);
            prop_assert_eq!(held(&redis, id(1)).await, newest);
            Ok(())
        })?;
    }
}
