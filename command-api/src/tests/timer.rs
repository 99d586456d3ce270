//! What happens because time passes.

use std::time::Duration;

use actix_web::http::StatusCode;
use serde_json::json;

use super::world::{PASSWORD, World};
use crate::clock;
use crate::lease::Lease;
use crate::timer;

#[actix_web::test]
async fn a_session_whose_time_is_up_ends_once() {
    let world = World::with_session_life(Duration::from_micros(1)).await;
    world.found("acme", 10).await;
    assert_eq!(timer::act(&world.services).await.unwrap(), 1);
    assert_eq!(timer::act(&world.services).await.unwrap(), 0);
    assert_eq!(world.events("session.expired").await, 1);
}

#[actix_web::test]
async fn an_acceptance_and_a_key_are_due_at_their_end_and_not_before() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let (_, ana) = world.join(&acme, "ana", "analyst").await;
    let finding = world.post(&ana, "/v1/findings", json!({"type": "a", "title": "t", "severity": "low"})).await.id();
    let path = format!("/v1/findings/{finding}/acceptance");
    let until = (chrono::Utc::now() + chrono::Duration::days(1)).to_rfc3339();
    world.post(&ana, &path, json!({"reason": "old", "until": until})).await.expect(StatusCode::OK);
    let key = world.post(&acme.admin, "/v1/api-keys", json!({"name": "k", "expires_at": until})).await;
    let key = key.expect(StatusCode::CREATED).id();
    assert_eq!(timer::act(&world.services).await.unwrap(), 0, "nothing is due yet");
    let due = world.services.handler.store.due(clock::parse(until.parse().unwrap()).unwrap(), None).await.unwrap();
    let due: Vec<_> = due.into_iter().map(|due| due.stream.uuid().to_string()).collect();
    assert!(due.contains(&finding) && due.contains(&key), "{due:?}");
}

#[actix_web::test]
async fn of_two_processes_one_holds_the_timer_until_it_lets_go() {
    let world = World::new().await;
    let pool = world.services.handler.store.pool();
    let (one, other) = (Lease::new(pool.clone(), "timer"), Lease::new(pool.clone(), "timer"));
    assert_eq!(one.hold().await.unwrap(), Some(1));
    assert_eq!(other.hold().await.unwrap(), None);
    assert_eq!(one.hold().await.unwrap(), Some(1), "renewed");
    one.release().await.unwrap();
    assert_eq!(other.hold().await.unwrap(), Some(2));
    assert_eq!(one.hold().await.unwrap(), None);
}

#[actix_web::test]
async fn a_flood_of_failed_log_ins_becomes_twenty_events_and_one_that_counts() {
    let world = World::new().await;
    world.found("acme", 10).await;
    for _ in 0..25 {
        let body = json!({"organization": "acme", "user": "nobody", "password": PASSWORD});
        world.post("", "/v1/sessions", body).await.expect(StatusCode::UNAUTHORIZED);
    }
    world.services.denials.settled().await;
    assert_eq!((world.events("access.log-in-failed").await, world.events("access.log-ins-failed").await), (20, 0));
    let later = world.services.handler.now().plus(Duration::from_secs(61));
    world.services.denials.flush_due(later);
    world.services.denials.drain().await;
    assert_eq!(world.events("access.log-ins-failed").await, 1);
}

#[actix_web::test]
async fn rows_that_no_event_names_are_swept_and_the_others_stay() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    world.scanner_key(&acme).await;
    for statement in [
        "INSERT INTO store.invitations SELECT gen_random_uuid(), tenant_id, gen_random_uuid(), sha256('x'), now() FROM store.invitations",
        "INSERT INTO store.api_key_secrets SELECT 'abcdefghijkl', tenant_id, gen_random_uuid(), secret_sha256 FROM store.api_key_secrets",
        "INSERT INTO store.credentials SELECT gen_random_uuid(), tenant_id, user_id, password_hash FROM store.credentials",
        "UPDATE store.invitations SET created_at = now() - interval '2 hours'",
        "UPDATE store.api_key_secrets SET created_at = now() - interval '2 hours'",
        "UPDATE store.credentials SET created_at = now() - interval '2 hours'",
        "INSERT INTO store.subject_keys SELECT gen_random_uuid(), tenant_id, gen_random_uuid(), wrapped FROM store.subject_keys",
        "UPDATE store.subject_keys SET created_at = now() - interval '2 hours'",
    ] {
        sqlx::query(statement).execute(&world.store).await.unwrap();
    }
    timer::sweep(&world.services).await.unwrap();
    for count in [
        "SELECT count(*) FROM store.invitations",
        "SELECT count(*) FROM store.api_key_secrets",
        "SELECT count(*) FROM store.credentials",
        "SELECT count(*) FROM store.subject_keys",
    ] {
        let left: i64 = sqlx::query_scalar(count).fetch_one(&world.store).await.unwrap();
        assert_eq!(left, 1, "{count}");
    }
    world.log_in("acme", "admin").await;
}
