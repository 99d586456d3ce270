//! A deployment of its own for each test: database, appender, services, and callers to send requests as.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::Request;
use actix_web::body::to_bytes;
use actix_web::dev::{Payload, Service, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, web::Data};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use platform::auth::token::{Signer, Verifier, generate_pem};
use platform::auth::{Authenticator, OperatorToken};
use platform::env::Secret;
use platform::keyring::Keyring;
use platform::postgres::{Pool, Pooler, Settings};
use platform::request_id;
use platform::testing::{PgBouncer, TestDatabase, database};
use sealed::DataKey;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::appender::Appender;
use crate::metrics::AppendMetrics;
use crate::server::{Services, configure};

pub(super) const OPERATOR: &str = "the-operator-of-this-test-deployment";
pub(super) const PASSWORD: &str = "correct horse battery staple";
const SESSION_LIFE: Duration = Duration::from_secs(3600);

pub(super) struct World {
    pub(super) services: Services,
    /// As the superuser: what a test looks up behind the services' backs.
    pub(super) store: PgPool,
    send: Rc<dyn Fn(Request) -> LocalBoxFuture<'static, ServiceResponse>>,
    _database: TestDatabase,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

/// An organization with its first administrator signed in.
pub(super) struct Organization {
    pub(super) id: String,
    pub(super) slug: String,
    pub(super) admin: String,
    pub(super) admin_id: String,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with_session_life(SESSION_LIFE).await
    }

    pub(super) async fn with_session_life(session_life: Duration) -> Self {
        let database = database().await;
        let pool = database.pool("writer").await.into();
        Self::on(database, pool, session_life).await
    }

    /// Everything but the appenders behind a pooler.
    pub(super) async fn behind(pgbouncer: &PgBouncer, database: TestDatabase) -> Self {
        let settings = Settings { pooler: Pooler::Transaction, connections: 16, ..Settings::default() };
        let pool = settings.writer(&Secret::new(database.url_at(pgbouncer.port(), "writer"))).unwrap();
        Self::on(database, pool, SESSION_LIFE).await
    }

    async fn on(database: TestDatabase, pool: Pool, session_life: Duration) -> Self {
        let options = database.url("writer").parse().unwrap();
        let (appender, _) = Appender::start(&options, 2, AppendMetrics::register(&prometheus::Registry::new()));
        let keys = Keyring::new(pool.clone(), DataKey::generate().unwrap());
        let (pem, _) = generate_pem().unwrap();
        let signer = Arc::new(Signer::from_pem(&pem).unwrap());
        let services = Services::open(pool.clone(), appender, keys, signer, session_life).await.unwrap();
        let operator = OperatorToken::new(&Secret::new(OPERATOR.to_owned())).unwrap();
        let authenticator = Authenticator::new(pool, Verifier::from_pem(&pem).unwrap(), Some(operator));
        let app = App::new()
            .app_data(Data::new(authenticator))
            .configure(configure(services.clone()))
            .wrap(from_fn(request_id::middleware));
        let app = Rc::new(init_service(app).await);
        let send = Rc::new(move |request: Request| {
            let app = Rc::clone(&app);
            async move { app.call(request).await.unwrap().map_into_boxed_body() }.boxed_local()
        });
        let store = PgPool::connect_with(database.admin()).await.unwrap();
        Self { services, store, send, _database: database }
    }

    pub(super) async fn send(&self, request: TestRequest) -> Answer {
        self.call(from_peer(request)).await
    }

    /// With a body that arrives as the test lets it.
    pub(super) async fn send_streamed(&self, request: TestRequest, body: Payload) -> Answer {
        self.call(from_peer(request).replace_payload(body).0).await
    }

    async fn call(&self, request: Request) -> Answer {
        let response = (self.send)(request).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body()).await.unwrap();
        Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }
    }

    pub(super) async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.send(request(Method::POST, token, path).set_json(body)).await
    }

    pub(super) async fn put(&self, token: &str, path: &str, body: Value) -> Answer {
        self.send(request(Method::PUT, token, path).set_json(body)).await
    }

    /// A command without a body.
    pub(super) async fn act(&self, token: &str, path: &str) -> Answer {
        self.send(request(Method::POST, token, path)).await
    }

    pub(super) async fn found(&self, slug: &str, device_limit: u32) -> Organization {
        let body = json!({"slug": slug, "name": slug, "plan": "team", "device_limit": device_limit,
                          "administrator": {"user": "admin"}});
        let founded = self.post(OPERATOR, "/v1/organizations", body).await.expect(StatusCode::CREATED);
        let link = founded.body["invitation"]["path"].as_str().unwrap();
        let accepted = self.post("", link, json!({"password": PASSWORD})).await.expect(StatusCode::OK);
        Organization {
            id: founded.id(),
            slug: slug.to_owned(),
            admin: self.log_in(slug, "admin").await,
            admin_id: accepted.id(),
        }
    }

    /// A further user of the organization, signed in: their id and token.
    pub(super) async fn join(&self, organization: &Organization, user: &str, role: &str) -> (String, String) {
        let body = json!({"user": user, "role": role});
        let invited = self.post(&organization.admin, "/v1/users", body).await.expect(StatusCode::CREATED);
        let link = invited.body["invitation"]["path"].as_str().unwrap();
        self.post("", link, json!({"password": PASSWORD})).await.expect(StatusCode::OK);
        (invited.id(), self.log_in(&organization.slug, user).await)
    }

    pub(super) async fn scanner_key(&self, organization: &Organization) -> String {
        let issued = self.post(&organization.admin, "/v1/api-keys", json!({"name": "scanner"})).await;
        issued.expect(StatusCode::CREATED).body["key"].as_str().unwrap().to_owned()
    }

    pub(super) async fn log_in(&self, slug: &str, user: &str) -> String {
        let body = json!({"organization": slug, "user": user, "password": PASSWORD});
        let entry = self.post("", "/v1/sessions", body).await.expect(StatusCode::OK);
        assert_eq!(entry.body["token_type"], "Bearer");
        entry.body["access_token"].as_str().unwrap().to_owned()
    }

    /// How many events of a type the log holds.
    pub(super) async fn events(&self, event: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM store.events WHERE type = $1")
            .bind(event)
            .fetch_one(&self.store)
            .await
            .unwrap()
    }

    pub(super) async fn all_events(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM store.events").fetch_one(&self.store).await.unwrap()
    }
}

impl Answer {
    #[track_caller]
    pub(super) fn expect(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    #[track_caller]
    pub(super) fn refused(self, status: StatusCode, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.body["code"], code, "{}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        answer
    }

    #[track_caller]
    pub(super) fn id(&self) -> String {
        self.body["id"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("there is no {name}")).to_str().unwrap()
    }

    /// Pointer and code of each wrong field.
    pub(super) fn faults(&self) -> Vec<(String, String)> {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        errors.iter().map(|error| (text(&error["pointer"]), text(&error["code"]))).collect()
    }
}

fn from_peer(request: TestRequest) -> Request {
    let peer: SocketAddr = "203.0.113.7:4711".parse().unwrap();
    request.peer_addr(peer).insert_header(("User-Agent", "test/1")).to_request()
}

pub(super) fn request(method: Method, token: &str, path: &str) -> TestRequest {
    let request = TestRequest::with_uri(path).method(method);
    match token {
        "" => request,
        token => request.insert_header((AUTHORIZATION, format!("Bearer {token}"))),
    }
}
