//! Personal data: opened for those who may see it, null once erased.

use platform::keyring::{Keyring, Place, seal};
use uuid::Uuid;

use super::world::World;

async fn sealed_text(keyring: &Keyring, tenant: Uuid, user: Uuid, event: Uuid, path: &str, text: &str) -> String {
    let key = keyring.subject_key(tenant, user).await.unwrap();
    let field = seal(&key.key, key.id, Place { tenant, event_id: event, path }, text).unwrap();
    serde_json::to_string(&field).unwrap()
}

/// A user's row with sealed names.
async fn user_row(world: &World, tenant: Uuid, user: Uuid, login: &str) {
    let event = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO read_g1.users (tenant_id, user_id, version, role, status, accepted, login_sealed, email_sealed,
             sealed_event_id, invited_at, invited_by, invitation_expires_at, log_in_count, last_changed_at)
         VALUES ($1, $2, 2, 'viewer', 'active', true, $3, $4, $5, now(), 'operator', now(), 3, now())",
    )
    .bind(tenant)
    .bind(user)
    .bind(sealed_text(&world.keyring, tenant, user, event, "/body/login", login).await)
    .bind(sealed_text(&world.keyring, tenant, user, event, "/body/email", "a@example.org").await)
    .bind(event)
    .execute(&world.admin)
    .await
    .unwrap();
}

#[actix_web::test]
async fn administrators_read_names_and_an_erased_person_is_null_for_ever() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "administrator").await;
    let (alice, bob) = (Uuid::now_v7(), Uuid::now_v7());
    user_row(&world, tenant, alice, "alice").await;
    user_row(&world, tenant, bob, "bob").await;
    sqlx::query("UPDATE store.subject_keys SET wrapped = NULL WHERE subject_id = $1")
        .bind(bob)
        .execute(&world.admin)
        .await
        .unwrap();
    let list = world.read(&token, "/v1/users").await;
    let of = |user: Uuid| {
        let items = list["items"].as_array().unwrap();
        items.iter().find(|item| item["id"] == user.to_string()).unwrap().clone()
    };
    assert_eq!((&of(alice)["login"], &of(alice)["email"]), (&"alice".into(), &"a@example.org".into()));
    assert_eq!((&of(alice)["display_name"], &of(alice)["erased"]), (&serde_json::Value::Null, &false.into()));
    assert_eq!((&of(bob)["login"], &of(bob)["erased"]), (&serde_json::Value::Null, &true.into()));
}

#[actix_web::test]
async fn everybody_reads_their_own_name() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let (token, user) = world.user_with_id(tenant, "viewer").await;
    assert_eq!(world.read(&token, "/v1/me").await["login"], serde_json::Value::Null);
    user_row(&world, tenant, user, "vera").await;
    let me = world.read(&token, "/v1/me").await;
    assert_eq!((&me["kind"], &me["role"], &me["login"]), (&"user".into(), &"viewer".into(), &"vera".into()));
    assert_eq!((&me["id"], &me["organization"]["slug"]), (&user.to_string().into(), &"acme".into()));
}

#[actix_web::test]
async fn a_seal_that_was_moved_from_another_event_does_not_open() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "administrator").await;
    user_row(&world, tenant, Uuid::now_v7(), "alice").await;
    sqlx::query("UPDATE read_g1.users SET sealed_event_id = gen_random_uuid()").execute(&world.admin).await.unwrap();
    let answer = world.get(&token, "/v1/users").await;
    assert_eq!(answer.status, 500);
    assert!(!answer.text().contains("alice"));
}

#[actix_web::test]
async fn the_trail_shows_from_where_to_those_who_may_read_it() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let (token, user) = world.user_with_id(tenant, "auditor").await;
    let event = Uuid::now_v7();
    let ip = sealed_text(&world.keyring, tenant, user, event, "/meta/ip", "192.0.2.7").await;
    sqlx::query(
        "INSERT INTO read_g1.audit_trail (tenant_id, partition, seq, recorded_at, actor, action, object_kind, object_id,
             object_version, correlation, event_id, ip_sealed, detail_json)
         VALUES ($1, 0, 1, now(), 'operator', 'session.started', 'session', $2, 1, $2, $2, $3, '{}')",
    )
    .bind(tenant)
    .bind(event)
    .bind(ip)
    .execute(&world.admin)
    .await
    .unwrap();
    let entry = world.read(&token, "/v1/audit-trail").await["items"][0].clone();
    assert_eq!((&entry["ip"], &entry["erased"]), (&"192.0.2.7".into(), &false.into()));
    assert_eq!((&entry["action"], &entry["object"]["kind"]), (&"session.started".into(), &"session".into()));
}
