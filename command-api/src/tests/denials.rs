//! The audit trail of refusals while the log cannot be written: nobody waits for it, and nothing is lost.

use std::time::Duration;

use actix_web::http::StatusCode;
use domain::access::{AccountHash, LogInFailure};
use domain::vocabulary::TenantId;
use event_schemas::Actor;
use platform::auth::{Principal, Role};
use serde_json::{Value, json};
use sqlx::{Postgres, Transaction};
use tokio::time::timeout;
use uuid::Uuid;

use super::world::{PASSWORD, World};
use crate::origin::Origin;

/// Far less than the appender waits for a partition, and ample for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
const A_MINUTE_AND_MORE: Duration = Duration::from_secs(61);

/// Nothing can be appended until it ends.
async fn every_partition_stuck(world: &World) -> Transaction<'static, Postgres> {
    let mut held = world.store.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM store.partition_head FOR UPDATE").execute(&mut *held).await.unwrap();
    held
}

/// How many refusals the log tells of, one by one and in aggregates.
async fn told(world: &World) -> i64 {
    let sum = "SELECT coalesce(sum(coalesce((convert_from(body, 'UTF8')::jsonb ->> 'count')::bigint, 1)), 0)::bigint
               FROM store.events WHERE type LIKE 'access.%'";
    sqlx::query_scalar(sum).fetch_one(&world.store).await.unwrap()
}

fn somebody() -> Principal {
    let tenant = TenantId::DEPLOYMENT.uuid();
    Principal::User { tenant, user: Uuid::now_v7(), session: Uuid::now_v7(), role: Role::Viewer }
}

#[actix_web::test]
async fn nobody_waits_for_the_record_of_a_refusal() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let (_, viewer) = world.join(&acme, "vera", "viewer").await;
    let held = every_partition_stuck(&world).await;
    let denied = timeout(ANSWER_MAX, world.post(&viewer, "/v1/findings", json!({}))).await;
    denied.expect("a 403 does not wait").refused(StatusCode::FORBIDDEN, "forbidden");
    for user in ["admin", "nobody"] {
        let body = json!({"organization": "acme", "user": user, "password": format!("not {PASSWORD}")});
        let refused = timeout(ANSWER_MAX, world.post("", "/v1/sessions", body)).await;
        refused.expect("a 401 does not wait").refused(StatusCode::UNAUTHORIZED, "invalid-credentials");
    }
    assert_eq!(told(&world).await, 0);
    held.rollback().await.unwrap();
    world.services.denials.settled().await;
    assert_eq!((world.events("access.denied").await, world.events("access.log-in-failed").await), (1, 2));
}

#[actix_web::test]
async fn what_could_not_be_written_is_counted_and_written_later() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let (_, viewer) = world.join(&acme, "vera", "viewer").await;
    let denials = &world.services.denials;
    sqlx::query("REVOKE INSERT ON store.events FROM writer").execute(&world.store).await.unwrap();
    for _ in 0..25 {
        world.post(&viewer, "/v1/findings", json!({})).await.expect(StatusCode::FORBIDDEN);
    }
    let body = json!({"organization": "acme", "user": "nobody", "password": PASSWORD});
    world.post("", "/v1/sessions", body).await.expect(StatusCode::UNAUTHORIZED);
    denials.settled().await;
    let later = || world.services.handler.now().plus(A_MINUTE_AND_MORE);
    denials.flush_due(later()); // an aggregate that fails is put back like a single one
    denials.settled().await;
    assert_eq!(told(&world).await, 0);
    sqlx::query("GRANT INSERT ON store.events TO writer").execute(&world.store).await.unwrap();
    denials.flush_due(later());
    denials.settled().await;
    assert_eq!(told(&world).await, 26);
    assert_eq!((world.events("access.denials").await, world.events("access.log-ins-failed").await), (1, 1));
}

#[actix_web::test]
async fn more_refusals_than_the_queue_holds_are_counted_and_not_one_is_lost() {
    const REFUSALS: i64 = 1_300;
    let world = World::new().await;
    let denials = &world.services.denials;
    let held = every_partition_stuck(&world).await;
    for _ in 0..REFUSALS {
        denials.note_denial(&somebody(), "GET /v1/users", Origin::of_process(Actor::Anonymous));
    }
    held.rollback().await.unwrap();
    denials.settled().await;
    let singles = world.events("access.denied").await;
    assert!(singles < REFUSALS, "the queue is bounded");
    denials.drain().await;
    assert_eq!(told(&world).await, REFUSALS);
}

#[actix_web::test]
async fn ever_new_names_from_one_address_become_sixty_events_and_one_that_counts() {
    let world = World::new().await;
    for name in 0..70_u8 {
        let account = AccountHash::new([name + 1; 32]);
        let origin = Origin::of_process(Actor::Anonymous);
        world.services.denials.note_failed_log_in(TenantId::DEPLOYMENT, account, LogInFailure::UnknownAccount, origin);
    }
    world.services.denials.drain().await;
    assert_eq!((world.events("access.log-in-failed").await, world.events("access.log-ins-failed").await), (60, 1));
    let body = "SELECT convert_from(body, 'UTF8')::jsonb FROM store.events WHERE type = 'access.log-ins-failed'";
    let body: Value = sqlx::query_scalar(body).fetch_one(&world.store).await.unwrap();
    assert_eq!((&body["count"], &body["account_hash"]), (&json!(10), &json!(AccountHash::VARIOUS.to_string())));
}
