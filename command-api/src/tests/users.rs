//! People of an organization: lost links, and what shutting somebody out ends.

use actix_web::http::{Method, StatusCode};
use domain::session::{self, Session};
use domain::vocabulary::{SessionId, StreamId, TenantId, UserId};
use event_schemas::Actor;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{Answer, OPERATOR, Organization, PASSWORD, World, request};
use crate::handle::{Order, Start};
use crate::membership::standing::SESSIONS_PER_APPEND_MAX;
use crate::origin::Origin;

#[actix_web::test]
async fn a_lost_link_of_a_user_is_replaced_and_opens_nothing_any_more() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let invite = |login: &'static str| world.post(&acme.admin, "/v1/users", json!({"user": login, "role": "analyst"}));
    let lost = invite("ana").await.expect(StatusCode::CREATED);
    let fresh = invite(" ANA ").await.expect(StatusCode::OK);
    assert_eq!((fresh.id(), &fresh.body["version"]), (lost.id(), &json!(2)));
    world.accept(&lost).await.refused(StatusCode::GONE, "gone");
    world.accept(&fresh).await.expect(StatusCode::OK);
    world.log_in("acme", "ana").await;
    invite("ana").await.refused(StatusCode::CONFLICT, "login-taken");
}

#[actix_web::test]
async fn a_repeated_invitation_under_one_key_replaces_nothing() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let invite = || {
        let invite = request(Method::POST, &acme.admin, "/v1/users").insert_header(("Idempotency-Key", "once"));
        world.send(invite.set_json(json!({"user": "ana", "role": "analyst"})))
    };
    let first = invite().await.expect(StatusCode::CREATED);
    let again = invite().await.expect(StatusCode::CREATED);
    assert_eq!((again.id(), again.body.get("invitation")), (first.id(), None));
    world.accept(&first).await.expect(StatusCode::OK);
}

#[actix_web::test]
async fn somebody_disabled_before_they_came_is_invited_again_once_enabled() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let invite = || world.post(&acme.admin, "/v1/users", json!({"user": "ana", "role": "analyst"}));
    let first = invite().await.expect(StatusCode::CREATED);
    let path = |what: &str| format!("/v1/users/{}/{what}", first.id());
    world.act(&acme.admin, &path("disable")).await.expect(StatusCode::OK);
    invite().await.refused(StatusCode::CONFLICT, "user-disabled");
    world.act(&acme.admin, &path("enable")).await.expect(StatusCode::OK);
    let fresh = invite().await.expect(StatusCode::OK);
    world.accept(&first).await.refused(StatusCode::GONE, "gone");
    world.accept(&fresh).await.expect(StatusCode::OK);
}

#[actix_web::test]
async fn the_lost_link_of_a_first_administrator_is_replaced_until_they_came() {
    let world = World::new().await;
    let found = || {
        let body = json!({"slug": "acme", "name": "Acme", "plan": "free", "administrator": {"user": "admin"}});
        world.post(OPERATOR, "/v1/organizations", body)
    };
    let lost = found().await.expect(StatusCode::CREATED);
    let fresh = found().await.expect(StatusCode::OK);
    assert_eq!((fresh.id(), &fresh.body["version"]), (lost.id(), &json!(1)));
    assert_eq!(world.events("organization.founded").await, 1);
    world.accept(&lost).await.refused(StatusCode::GONE, "gone");
    world.accept(&fresh).await.expect(StatusCode::OK);
    found().await.refused(StatusCode::CONFLICT, "slug-taken");
}

#[actix_web::test]
async fn a_second_administrator_who_is_still_invited_is_not_invited_by_founding_again() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let second = world.post(&acme.admin, "/v1/users", json!({"user": "eve", "role": "administrator"})).await;
    let body = json!({"slug": "acme", "name": "acme", "plan": "team", "device_limit": 10,
                      "administrator": {"user": "eve"}});
    world.post(OPERATOR, "/v1/organizations", body).await.refused(StatusCode::CONFLICT, "slug-taken");
    world.accept(&second).await.expect(StatusCode::OK);
}

#[actix_web::test]
async fn enabling_brings_back_the_user_and_not_their_sessions() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let (ana, token) = world.join(&acme, "ana", "analyst").await;
    world.log_in("acme", "ana").await;
    world.act(&acme.admin, &format!("/v1/users/{ana}/disable")).await.expect(StatusCode::OK);
    assert_eq!((world.open_sessions(&ana).await, world.events("session.logged-out").await), (0, 2));
    let enabled = world.act(&acme.admin, &format!("/v1/users/{ana}/enable")).await.expect(StatusCode::OK);
    assert_eq!(enabled.body["version"], 4);
    world.act(&token, "/v1/findings").await.expect(StatusCode::UNAUTHORIZED);
    world.log_in("acme", "ana").await;
    let again = world.act(&acme.admin, &format!("/v1/users/{ana}/enable")).await.expect(StatusCode::OK);
    assert_eq!((&again.body["version"], world.open_sessions(&ana).await), (&json!(4), 1));
}

#[actix_web::test]
async fn more_sessions_than_one_append_ends_are_ended_all_the_same() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let (ana, _) = world.join(&acme, "ana", "analyst").await;
    join_all((0..SESSIONS_PER_APPEND_MAX + 5).map(|_| world.start_session(&acme, &ana))).await;
    assert_eq!(world.open_sessions(&ana).await, SESSIONS_PER_APPEND_MAX + 6);
    world.act(&acme.admin, &format!("/v1/users/{ana}/disable")).await.expect(StatusCode::OK);
    assert_eq!(world.open_sessions(&ana).await, 0);
}

#[actix_web::test]
async fn a_session_that_outlived_a_disabling_ends_before_its_user_is_enabled() {
    let world = World::new().await;
    let acme = world.found("acme", 10).await;
    let (ana, _) = world.join(&acme, "ana", "analyst").await;
    world.act(&acme.admin, &format!("/v1/users/{ana}/disable")).await.expect(StatusCode::OK);
    world.start_session(&acme, &ana).await;
    world.act(&acme.admin, &format!("/v1/users/{ana}/enable")).await.expect(StatusCode::OK);
    assert_eq!(world.open_sessions(&ana).await, 0);
}

#[actix_web::test]
async fn of_two_administrators_who_shut_each_other_out_at_once_one_is_left() {
    for (what, body) in [("disable", Value::Null), ("role", json!({"role": "viewer"}))] {
        let world = World::new().await;
        let acme = world.found("acme", 10).await;
        let (eve, eves) = world.join(&acme, "eve", "administrator").await;
        let send = |token: &str, whom: &str| {
            let method = if what == "role" { Method::PUT } else { Method::POST };
            let change = request(method, token, &format!("/v1/users/{whom}/{what}"));
            world.send(if body.is_null() { change } else { change.set_json(&body) })
        };
        // Both are let in at the door, which remembers them for a moment.
        for token in [&acme.admin, &eves] {
            world.act(token, "/v1/users").await.expect(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        let (one, other) = join(send(&acme.admin, &eve), send(&eves, &acme.admin_id)).await;
        let mut answers = [one, other];
        answers.sort_by_key(|answer| answer.status);
        let [done, refused] = answers;
        done.expect(StatusCode::OK);
        refused.refused(StatusCode::FORBIDDEN, "forbidden");
        assert_eq!(world.administrators().await, 1);
        world.services.denials.settled().await;
        assert_eq!(world.events("access.denied").await, 1, "the audit trail knows of it");
    }
}

impl World {
    async fn accept(&self, invited: &Answer) -> Answer {
        let path = invited.body["invitation"]["path"].as_str().unwrap();
        self.post("", path, json!({"password": PASSWORD})).await
    }

    /// A session that nobody logged in for.
    async fn start_session(&self, organization: &Organization, user: &str) {
        let handler = &self.services.handler;
        let user = UserId::new(user.parse().unwrap());
        let expires_at = handler.now().plus(self.services.session_life);
        let order: Order<'_, Session> = Order {
            tenant: TenantId::new(organization.id.parse().unwrap()),
            stream: StreamId::from(SessionId::new(Uuid::now_v7())),
            command: session::Command::Start { user, expires_at },
            start: Start::New,
            version: None,
            key: None,
            extra: None,
            origin: &Origin::of_process(Actor::Timer),
        };
        handler.execute(order).await.unwrap();
    }

    async fn open_sessions(&self, user: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM store.streams WHERE kind = 'session' AND open AND parent_id = $1")
            .bind(user.parse::<Uuid>().unwrap())
            .fetch_one(&self.store)
            .await
            .unwrap()
    }

    async fn administrators(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM store.streams WHERE kind = 'user' AND open AND lane = 'administrator'")
            .fetch_one(&self.store)
            .await
            .unwrap()
    }
}
