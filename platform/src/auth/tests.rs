use std::time::{Duration, Instant};

use actix_web::http::header::AUTHORIZATION;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpResponse, web};
use sqlx::PgPool;

use super::api_key::ApiKey;
use super::token::{Holder, Signer, Verifier, generate_pem};
use super::*;
use crate::env::Secret;
use crate::testing::{TestCluster, TestDatabase, database};

const TENANT: Uuid = Uuid::from_u128(0xA);
const OTHER_TENANT: Uuid = Uuid::from_u128(0xB);
const USER: Uuid = Uuid::from_u128(0xC);
const SESSION: Uuid = Uuid::from_u128(0xD);
const KEY: Uuid = Uuid::from_u128(0xE);
const OPERATOR_TOKEN: &str = "operator-token-of-this-test-0123456789";
const HOLDER: Holder = Holder { tenant: TENANT, user: USER, session: SESSION };

/// An organization with a logged-in analyst and a scanner key, as the store would hold them.
struct World {
    database: TestDatabase,
    admin: PgPool,
    signer: Signer,
    verifier: Verifier,
    key: ApiKey,
}

impl World {
    async fn new(database: TestDatabase) -> Self {
        let admin = database.admin_pool().await;
        let (private, public) = generate_pem().unwrap();
        let world = Self {
            signer: Signer::from_pem(&private).unwrap(),
            verifier: Verifier::from_pem(&public).unwrap(),
            key: ApiKey::generate().unwrap(),
            database,
            admin,
        };
        world.stream(TENANT, "organization", None, None).await;
        world.stream(USER, "user", None, Some("analyst")).await;
        world.stream(SESSION, "session", Some(USER), None).await;
        world.stream(KEY, "api-key", None, Some("scanner")).await;
        sqlx::query("INSERT INTO store.api_key_secrets (public_id, tenant_id, api_key_id, secret_sha256) VALUES ($1, $2, $3, $4)")
            .bind(world.key.public_id())
            .bind(TENANT)
            .bind(KEY)
            .bind(world.key.secret_sha256().as_slice())
            .execute(&world.admin)
            .await
            .unwrap();
        world
    }

    async fn stream(&self, id: Uuid, kind: &str, parent: Option<Uuid>, lane: Option<&str>) {
        sqlx::query("INSERT INTO store.streams (stream_id, tenant_id, kind, version, fold_version, state, parent_id, lane, open) VALUES ($1, $2, $3, 1, 1, '', $4, $5, true)")
            .bind(id).bind(TENANT).bind(kind).bind(parent).bind(lane)
            .execute(&self.admin)
            .await
            .unwrap();
    }

    async fn arrange(&self, change: &'static str, stream: Uuid) {
        let done = sqlx::query(change).bind(stream).execute(&self.admin).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
    }

    async fn authenticator(&self, role: &str) -> Authenticator {
        let operator = OperatorToken::new(&Secret::new(OPERATOR_TOKEN.to_owned())).unwrap();
        Authenticator::new(self.database.pool(role).await, self.verifier.clone(), Some(operator))
    }

    fn token(&self, holder: Holder) -> String {
        self.signer.sign(holder, Uuid::now_v7(), jsonwebtoken::get_current_timestamp(), 300).unwrap()
    }
}

async fn world() -> World {
    World::new(database().await).await
}

#[tokio::test]
async fn both_apis_roles_recognize_everybody() {
    let world = world().await;
    for role in ["reader", "writer"] {
        let authenticator = world.authenticator(role).await;
        let user = Principal::User { tenant: TENANT, user: USER, session: SESSION, role: Role::Analyst };
        assert_eq!(authenticator.authenticate(&world.token(HOLDER)).await.unwrap(), user);
        let scanner = Principal::Scanner { tenant: TENANT, key: KEY };
        assert_eq!(authenticator.authenticate(world.key.expose()).await.unwrap(), scanner);
        assert_eq!(authenticator.authenticate(OPERATOR_TOKEN).await.unwrap(), Principal::Operator);
    }
}

#[tokio::test]
async fn a_sound_token_for_what_is_not_there_lets_nobody_in() {
    let world = world().await;
    let authenticator = world.authenticator("reader").await;
    for holder in [
        Holder { tenant: OTHER_TENANT, ..HOLDER },
        Holder { user: KEY, ..HOLDER },
        Holder { session: USER, ..HOLDER },
        Holder { session: Uuid::from_u128(99), ..HOLDER },
    ] {
        assert!(matches!(authenticator.authenticate(&world.token(holder)).await, Err(AuthError::Ended)), "{holder:?}");
    }
    let stranger = ApiKey::generate().unwrap();
    assert!(matches!(authenticator.authenticate(stranger.expose()).await, Err(AuthError::Ended)));
    for text in ["", "x", "a.b.c", "snk_", &OPERATOR_TOKEN[1..]] {
        assert!(matches!(authenticator.authenticate(text).await, Err(AuthError::Invalid)), "{text}");
    }
}

#[tokio::test]
async fn a_token_that_was_proven_before_still_ends_when_it_says() {
    let world = world().await;
    let authenticator = world.authenticator("reader").await;
    let now = jsonwebtoken::get_current_timestamp();
    // Its end lies in the past, and the leeway after it ends soon.
    let token = world.signer.sign(HOLDER, Uuid::now_v7(), now - 10, 10 + 2 - token::LEEWAY_SECONDS).unwrap();
    authenticator.authenticate(&token).await.unwrap();
    while jsonwebtoken::get_current_timestamp() < now + 3 {
        if authenticator.authenticate(&token).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(matches!(authenticator.authenticate(&token).await, Err(AuthError::Invalid)));
    let forged = format!("{}A", &world.token(HOLDER)[..40]);
    assert!(matches!(authenticator.authenticate(&forged).await, Err(AuthError::Invalid)));
}

#[tokio::test]
async fn a_key_with_the_right_name_and_another_secret_is_invalid() {
    let world = world().await;
    let other = ApiKey::generate().unwrap();
    sqlx::query("UPDATE store.api_key_secrets SET secret_sha256 = $1")
        .bind(other.secret_sha256().as_slice())
        .execute(&world.admin)
        .await
        .unwrap();
    let authenticator = world.authenticator("reader").await;
    assert!(matches!(authenticator.authenticate(world.key.expose()).await, Err(AuthError::Invalid)));
}

#[tokio::test]
async fn whatever_ends_closes_the_door() {
    const CLOSE: &str = "UPDATE store.streams SET open = false WHERE stream_id = $1";
    const OPEN: &str = "UPDATE store.streams SET open = true WHERE stream_id = $1";
    const OVERDUE: &str = "UPDATE store.streams SET due_at = now() - interval '1 second' WHERE stream_id = $1";
    let world = world().await;
    let door = async |bearer: &str| world.authenticator("reader").await.authenticate(bearer).await.is_ok();
    let token = world.token(HOLDER);
    for stream in [SESSION, USER, TENANT] {
        assert!(door(&token).await);
        world.arrange(CLOSE, stream).await;
        assert!(!door(&token).await, "{stream}");
        world.arrange(OPEN, stream).await;
    }
    for stream in [KEY, TENANT] {
        assert!(door(world.key.expose()).await);
        world.arrange(CLOSE, stream).await;
        assert!(!door(world.key.expose()).await, "{stream}");
        world.arrange(OPEN, stream).await;
    }
    world.arrange(OVERDUE, SESSION).await;
    world.arrange(OVERDUE, KEY).await;
    assert!(!door(&token).await && !door(world.key.expose()).await);
}

#[tokio::test]
async fn a_log_out_bites_within_a_second() {
    let world = world().await;
    let authenticator = world.authenticator("reader").await;
    let token = world.token(HOLDER);
    authenticator.authenticate(&token).await.unwrap();
    world.arrange("UPDATE store.streams SET open = false WHERE stream_id = $1", SESSION).await;
    let ended = Instant::now();
    while ended.elapsed() < Duration::from_millis(ACCESS_CACHE_MS) {
        authenticator.authenticate(&token).await.ok(); // asking again and again must not keep it alive
        tokio::task::yield_now().await;
    }
    assert!(matches!(authenticator.authenticate(&token).await, Err(AuthError::Ended)));
    const { assert!(ACCESS_CACHE_MS < 1_000) };
}

#[tokio::test]
async fn many_requests_of_a_session_ask_the_store_once() {
    let world = world().await;
    let patient = world.database.options("reader").options([("lock_timeout", "0"), ("statement_timeout", "0")]);
    let pool = sqlx::postgres::PgPoolOptions::new().connect_with(patient).await.unwrap();
    let authenticator = Authenticator::new(pool, world.verifier.clone(), None);
    let token = world.token(HOLDER);
    let mut lock = world.admin.begin().await.unwrap();
    sqlx::query("LOCK TABLE store.streams IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    let asking = async || {
        sqlx::query_scalar::<_, i64>(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'store.streams'::regclass",
        )
        .fetch_one(&world.admin)
        .await
        .unwrap()
    };

    let requests = futures_util::future::join_all((0..200).map(|_| authenticator.authenticate(&token)));
    let observer = async {
        while asking().await == 0 {}
        let most = [asking().await, asking().await, asking().await].into_iter().max();
        lock.commit().await.unwrap();
        most
    };
    let (answers, most) = futures_util::join!(requests, observer);
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(most, Some(1));
}

#[tokio::test]
async fn without_postgres_nobody_is_let_in_and_nobody_is_sent_away_for_good() {
    let cluster = TestCluster::private().await;
    let world = World::new(cluster.database().await).await;
    let pool = crate::postgres::Settings { connections: 2, ..Default::default() }
        .reader(&Secret::new(world.database.url("reader")))
        .unwrap();
    let authenticator = Authenticator::new(pool, world.verifier.clone(), None);
    cluster.server().unwrap().crash();
    for bearer in [world.token(HOLDER), world.key.expose().to_owned()] {
        let error = authenticator.authenticate(&bearer).await.unwrap_err();
        assert!(matches!(error, AuthError::Unavailable(_)), "{error}");
        assert_eq!(Problem::from(error).status().as_u16(), 503);
    }
    cluster.server().unwrap().resume();
    crate::postgres::self_check(&world.database.pool("reader").await).await.unwrap();
    assert!(authenticator.authenticate(&world.token(HOLDER)).await.is_ok());
}

#[actix_web::test]
async fn a_handler_that_names_its_caller_is_reached_by_nobody_else() {
    let world = world().await;
    let app = init_service(
        App::new()
            .app_data(web::Data::new(world.authenticator("reader").await))
            .route("/", web::get().to(|caller: Caller| async move { HttpResponse::Ok().body(caller.actor()) })),
    )
    .await;
    let bearer = format!("Bearer {}", world.token(HOLDER));
    let request = TestRequest::get().uri("/").insert_header((AUTHORIZATION, bearer.as_str()));
    let answer = call_service(&app, request.to_request()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(actix_web::test::read_body(answer).await, format!("user:{USER}"));

    let twice = TestRequest::get()
        .append_header((AUTHORIZATION, bearer.as_str()))
        .append_header((AUTHORIZATION, bearer.as_str()));
    let strange = ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearer x", &bearer[7..]];
    let strange = strange.map(|value| TestRequest::get().insert_header((AUTHORIZATION, value)));
    for request in strange.into_iter().chain([twice, TestRequest::get()]) {
        let answer = call_service(&app, request.uri("/").to_request()).await;
        assert_eq!(answer.status(), 401);
        assert!(answer.headers().get("www-authenticate").unwrap().to_str().unwrap().starts_with("Bearer"));
        assert_eq!(answer.headers().get("content-type").unwrap(), crate::problem::CONTENT_TYPE);
    }
}

#[test]
fn a_role_reads_back_as_written() {
    for role in Role::ALL {
        assert_eq!(role.as_str().parse(), Ok(role));
    }
    assert_eq!("Administrator".parse::<Role>(), Err(NotARole));
}
