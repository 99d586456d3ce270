//! A deployment of its own for each test: database, organizations, callers and the service in front of them.

mod rows;

use std::sync::{Arc, Mutex};

use actix_web::{App, http::header::HeaderMap, middleware::from_fn, test, web};
use platform::{
    auth::{
        Authenticator, OperatorToken,
        api_key::ApiKey,
        token::{Holder, Signer, Verifier, generate_pem},
    },
    env::Secret,
    keyring::{Keyring, root_key},
    postgres::{
        Pool,
        replicas::{Limits, Replica},
    },
    problem::unknown_route,
    redis::Redis,
    request_id,
    testing::{TestDatabase, database},
};
use prometheus::Registry;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Config, Denial, QueryApi, Services, freshness::partition_of};

pub(super) const OPERATOR_TOKEN: &str = "operator-token-of-forty-four-characters-0000";
const ROOT_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub(super) struct World {
    /// As superuser: past every policy, to arrange what a test needs.
    pub(super) admin: PgPool,
    pub(super) reader: PgPool,
    pub(super) api: QueryApi,
    pub(super) denials: Arc<Mutex<Vec<Denial>>>,
    /// May make keys.
    pub(super) keyring: Keyring,
    signer: Signer,
    stop: CancellationToken,
    _database: TestDatabase,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) bytes: web::Bytes,
}

impl World {
    pub(super) async fn new() -> Self {
        let database = database().await;
        let pool = database.pool("reader").await.into();
        Self::on(database, pool, vec![], Limits::default()).await
    }

    /// On a database of the test's own making, reached in its way, with standbys of it.
    pub(super) async fn on(database: TestDatabase, pool: Pool, replicas: Vec<Replica>, replica_limits: Limits) -> Self {
        Self::made_of(database, pool, replicas, replica_limits, None).await
    }

    /// With a Redis that holds copies.
    pub(super) async fn with_redis(redis: Redis) -> Self {
        let database = database().await;
        let pool = database.pool("reader").await.into();
        Self::made_of(database, pool, vec![], Limits::default(), Some(redis)).await
    }

    async fn made_of(
        database: TestDatabase,
        pool: Pool,
        replicas: Vec<Replica>,
        replica_limits: Limits,
        redis: Option<Redis>,
    ) -> Self {
        let reader = pool.inner().clone();
        let root = root_key(&Secret::new(ROOT_KEY.to_owned())).unwrap();
        let (private, public) = generate_pem().unwrap();
        let operator = OperatorToken::new(&Secret::new(OPERATOR_TOKEN.to_owned())).unwrap();
        let denials = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&denials);
        let stop = CancellationToken::new();
        let services = Services {
            config: Config {
                cursor_key: Secret::new("a cursor key for tests of enough length".to_owned()),
                summary_cache_entries: 100,
                keep_answers: redis.is_some(), // other tests change rows in ways that no projector would
            },
            authenticator: Authenticator::new(pool.clone(), Verifier::from_pem(&public).unwrap(), Some(operator)),
            keyring: Keyring::new(pool.clone(), root.clone()),
            pool,
            replicas,
            replica_limits,
            redis,
            denials: Some(Arc::new(move |denial| seen.lock().unwrap().push(denial))),
            command_document: json!({"openapi": "3.1.0", "info": {"title": "commands"}}),
            stop: stop.clone(),
        };
        Self {
            admin: database.admin_pool().await,
            reader,
            api: QueryApi::start(services, &Registry::new()).unwrap(),
            denials,
            keyring: Keyring::new(database.pool("writer").await, root),
            signer: Signer::from_pem(&private).unwrap(),
            stop,
            _database: database,
        }
    }

    /// Sends a request through everything that stands before and behind a route.
    pub(super) async fn call(&self, request: test::TestRequest) -> Answer {
        let app = test::init_service(
            App::new()
                .wrap(from_fn(request_id::middleware))
                .configure(|app| self.api.configure(app))
                .default_service(web::to(unknown_route)),
        )
        .await;
        let answer = test::call_service(&app, request.to_request()).await;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, bytes: test::read_body(answer).await }
    }

    pub(super) async fn get(&self, token: &str, uri: &str) -> Answer {
        self.call(get(token, uri)).await
    }

    /// A GET that must succeed.
    pub(super) async fn read(&self, token: &str, uri: &str) -> Value {
        let answer = self.get(token, uri).await;
        assert_eq!(answer.status, 200, "{uri}: {}", answer.text());
        answer.json()
    }

    /// An organization, founded and read.
    pub(super) async fn organization(&self, slug: &str) -> Uuid {
        let tenant = Uuid::now_v7();
        self.stream(tenant, tenant, "organization", None, None).await;
        sqlx::query(
            "INSERT INTO read_g1.organizations (tenant_id, version, slug, name, plan, device_limit, status, founded_at,
                 last_changed_at) VALUES ($1, 3, $2, $2, 'team', 5000, 'active', now(), now())",
        )
        .bind(tenant)
        .bind(slug)
        .execute(&self.admin)
        .await
        .unwrap();
        tenant
    }

    /// A user's access token.
    pub(super) async fn user(&self, tenant: Uuid, role: &str) -> String {
        self.user_with_id(tenant, role).await.0
    }

    pub(super) async fn user_with_id(&self, tenant: Uuid, role: &str) -> (String, Uuid) {
        let (user, session) = (Uuid::now_v7(), Uuid::now_v7());
        self.stream(tenant, user, "user", None, Some(role)).await;
        self.stream(tenant, session, "session", Some(user), None).await;
        let now = chrono::Utc::now().timestamp().unsigned_abs();
        let token = self.signer.sign(Holder { tenant, user, session }, Uuid::now_v7(), now, 600).unwrap();
        (token, user)
    }

    /// A scanner's key, and its id.
    pub(super) async fn scanner(&self, tenant: Uuid) -> (String, Uuid) {
        let (key, id) = (ApiKey::generate().unwrap(), Uuid::now_v7());
        self.stream(tenant, id, "api-key", None, Some("scanner")).await;
        sqlx::query(
            "INSERT INTO store.api_key_secrets (public_id, tenant_id, api_key_id, secret_sha256)
             VALUES ($1, $2, $3, $4)",
        )
        .bind(key.public_id())
        .bind(tenant)
        .bind(id)
        .bind(key.secret_sha256().to_vec())
        .execute(&self.admin)
        .await
        .unwrap();
        (key.expose().to_owned(), id)
    }

    async fn stream(&self, tenant: Uuid, id: Uuid, kind: &str, parent: Option<Uuid>, lane: Option<&str>) {
        sqlx::query(
            "INSERT INTO store.streams (stream_id, tenant_id, kind, version, fold_version, state, parent_id, lane, open)
             VALUES ($1, $2, $3, 1, 1, '', $4, $5, true)",
        )
        .bind(id)
        .bind(tenant)
        .bind(kind)
        .bind(parent)
        .bind(lane)
        .execute(&self.admin)
        .await
        .unwrap();
    }

    /// Moves a projection's checkpoint in the tenant's partition.
    pub(super) async fn checkpoint(&self, tenant: Uuid, projection: &str, seq: i64) {
        let moved =
            sqlx::query("UPDATE read.checkpoints SET epoch = 1, seq = $3 WHERE projection = $1 AND partition = $2")
                .bind(projection)
                .bind(partition_of(tenant))
                .bind(seq)
                .execute(&self.admin)
                .await
                .unwrap();
        assert_eq!(moved.rows_affected(), 1);
        self.last_seq(tenant, projection, seq).await;
    }

    /// The tenant's last event that a projection has applied.
    pub(super) async fn last_seq(&self, tenant: Uuid, projection: &str, seq: i64) {
        sqlx::query(
            "INSERT INTO read.tenant_seqs (projection, generation, tenant_id, seq) VALUES ($1, 1, $2, $3)
             ON CONFLICT (tenant_id, projection, generation) DO UPDATE SET seq = excluded.seq",
        )
        .bind(projection)
        .bind(tenant)
        .bind(seq)
        .execute(&self.admin)
        .await
        .unwrap();
    }

    /// Tells how far a projection is for a tenant.
    pub(super) async fn seq(&self, tenant: Uuid, projection: &str, seq: i64) {
        sqlx::query(
            "INSERT INTO read.tenant_seqs (projection, generation, tenant_id, seq) VALUES ($1, 1, $2, $3)
             ON CONFLICT (tenant_id, projection, generation) DO UPDATE SET seq = excluded.seq",
        )
        .bind(projection)
        .bind(tenant)
        .bind(seq)
        .execute(&self.admin)
        .await
        .unwrap();
    }

    pub(super) async fn park(&self, tenant: Uuid, projection: &str, stream: Uuid) {
        sqlx::query(
            "INSERT INTO read.parked_streams (projection, generation, tenant_id, stream_id, kind, partition, first_seq,
                 because_of, reason) VALUES ($1, 1, $2, $3, 'device', 0, 1, $3, 'unknown-type')",
        )
        .bind(projection)
        .bind(tenant)
        .bind(stream)
        .execute(&self.admin)
        .await
        .unwrap();
    }

    /// Some id of a tenant's rows.
    pub(super) async fn any_id(&self, sql: &'static str, tenant: Uuid) -> Uuid {
        sqlx::query_scalar(sql).bind(tenant).fetch_one(&self.admin).await.unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(super) const ANY_DEVICE: &str = "SELECT device_id FROM read_g1.devices WHERE tenant_id = $1 LIMIT 1";
pub(super) const ANY_FINDING: &str = "SELECT finding_id FROM read_g1.findings WHERE tenant_id = $1 LIMIT 1";
pub(super) const ANY_SCAN: &str = "SELECT scan_id FROM read_g1.scans WHERE tenant_id = $1 LIMIT 1";

pub(super) fn get(token: &str, uri: &str) -> test::TestRequest {
    test::TestRequest::get().uri(uri).insert_header(("authorization", format!("Bearer {token}")))
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
