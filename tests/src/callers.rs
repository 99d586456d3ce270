//! Those who call: nobody, the people of an organization by role, its scanners, the operator. Organizations are founded
//! and people invited over HTTP, as in life.
//!
//! A client has verbs, not a method per route: a test shows the path it asks.

use std::ops::Deref;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::Server;

pub const ROLES: [&str; 4] = ["administrator", "analyst", "auditor", "viewer"];

/// Sends requests, with or without a bearer token. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    bearer: Option<String>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    asked: String,
}

/// A person who is signed in.
#[derive(Clone)]
pub struct Person {
    pub id: Uuid,
    pub organization: String,
    pub login: String,
    pub password: String,
    pub client: Client,
}

/// A scanner with its key.
#[derive(Clone)]
pub struct Scanner {
    pub id: Uuid,
    pub key: String,
    pub client: Client,
}

/// An organization of one test, with its first administrator.
pub struct Organization {
    pub id: Uuid,
    pub slug: String,
    pub administrator: Person,
}

impl Client {
    pub fn new(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("securenet-acceptance")
            .build()
            .expect("a client without options of the system can be made");
        Self { http, base: base.to_owned(), bearer: None }
    }

    #[must_use]
    pub fn with_bearer(&self, token: &str) -> Self {
        Self { bearer: Some(token.to_owned()), ..self.clone() }
    }

    pub fn bearer(&self) -> &str {
        self.bearer.as_deref().unwrap_or_default()
    }

    /// A request to be completed by whoever needs more than the verbs below.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.bearer {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::POST, path).json(&body)).await
    }

    /// For commands that take no body.
    pub async fn post_nothing(&self, path: &str) -> Answer {
        send(self.request(Method::POST, path)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }

    /// Sends a report of Nmap as the file it is.
    pub async fn scan(&self, report: impl Into<reqwest::Body>) -> Answer {
        send(self.request(Method::POST, "/v1/scans").header("content-type", "application/xml").body(report)).await
    }
}

/// Every test that asks expects an answer; a connection that breaks is a failure of the server.
pub async fn send(request: RequestBuilder) -> Answer {
    try_send(request).await.unwrap_or_else(|error| panic!("no answer: {error:?}"))
}

/// For tests that break connections.
pub async fn try_send(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let (client, request) = request.build_split();
    let request = request?;
    let asked = format!("{} {}", request.method(), request.url());
    let answer = client.execute(request).await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Ok(Answer { status, headers, body: answer.bytes().await?.to_vec(), asked })
}

impl Answer {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text());
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.asked, self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn id(&self) -> Uuid {
        let body = self.json();
        body["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("{}: no id in {body}", self.asked))
    }

    #[track_caller]
    pub fn version(&self) -> i64 {
        let body = self.json();
        body["version"].as_i64().unwrap_or_else(|| panic!("{}: no version in {body}", self.asked))
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.maybe_header(name).unwrap_or_else(|| panic!("{}: {} without {name}", self.asked, self.status))
    }

    pub fn maybe_header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("our headers are ASCII"))
    }

    /// From where on queries show what the command did.
    #[track_caller]
    pub fn position(&self) -> String {
        self.header("x-consistency").to_owned()
    }

    /// The stable code of a problem, which must be one in full.
    #[track_caller]
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}: {}", self.asked, self.text());
        let body = self.json();
        assert_eq!(body["status"], self.status, "{}: {body}", self.asked);
        for member in ["type", "title", "request_id"] {
            assert!(body[member].is_string(), "{}: no {member} in {body}", self.asked);
        }
        body["code"].as_str().unwrap_or_else(|| panic!("{}: no code in {body}", self.asked)).to_owned()
    }

    /// The pointers of a problem's fields.
    #[track_caller]
    pub fn pointers(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().unwrap_or_else(|| panic!("{}: no errors in {body}", self.asked));
        errors.iter().map(|error| error["pointer"].as_str().expect("a field error has a pointer").to_owned()).collect()
    }
}

impl Organization {
    pub async fn found(server: &Server) -> Self {
        Self::found_with(server, json!({ "plan": "team" })).await
    }

    /// `terms` are the plan, and the device limit where the plan's is not meant.
    pub async fn found_with(server: &Server, terms: Value) -> Self {
        let slug = format!("org-{}", Uuid::now_v7().simple());
        let mut request = terms;
        request["slug"] = json!(slug);
        request["name"] = json!("An organization of one test");
        request["administrator"] = json!({ "user": "ada", "display_name": "Ada", "email": "ada@example.org" });
        let founded = server.operator().post("/v1/organizations", request).await.expect(201);
        let administrator = accept(&server.client(), &slug, "ada", &founded).await;
        Self { id: founded.id(), slug, administrator }
    }

    /// Invites somebody, who accepts and signs in. Logins are unique in an organization.
    pub async fn join(&self, role: &str, login: &str) -> Person {
        let invited = self.administrator.post("/v1/users", json!({ "user": login, "role": role })).await.expect(201);
        accept(&self.administrator.client, &self.slug, login, &invited).await
    }

    pub async fn analyst(&self) -> Person {
        self.join("analyst", "anna").await
    }

    pub async fn scanner(&self) -> Scanner {
        let issued = self.administrator.post("/v1/api-keys", json!({ "name": "scanner" })).await.expect(201);
        let key = issued.json()["key"].as_str().expect("a new key is shown").to_owned();
        Scanner { id: issued.id(), client: self.administrator.client.with_bearer(&key), key }
    }
}

impl Person {
    /// The same person in another session.
    pub async fn sign_in_again(&self) -> Self {
        let client = sign_in(&self.client, &self.organization, &self.login, &self.password).await;
        Self { client, ..self.clone() }
    }
}

impl Deref for Person {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Deref for Scanner {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// The bare log in.
pub async fn log_in(client: &Client, organization: &str, user: &str, password: &str) -> Answer {
    let body = json!({ "organization": organization, "user": user, "password": password });
    let anonymous = Client { bearer: None, ..client.clone() };
    anonymous.post("/v1/sessions", body).await
}

pub async fn sign_in(client: &Client, organization: &str, user: &str, password: &str) -> Client {
    let answer = log_in(client, organization, user, password).await.expect(200);
    client.with_bearer(answer.json()["access_token"].as_str().expect("a log in answers a token"))
}

/// Takes up the invitation an answer carries, and signs in.
async fn accept(client: &Client, organization: &str, login: &str, invited: &Answer) -> Person {
    let invitation = &invited.json()["invitation"];
    let path = invitation["path"].as_str().expect("an invitation says where to accept it");
    let password = format!("pass-{}", Uuid::now_v7().simple());
    let accepted = client.post(path, json!({ "password": password })).await.expect(200);
    let client = sign_in(client, organization, login, &password).await;
    Person { id: accepted.id(), organization: organization.to_owned(), login: login.to_owned(), password, client }
}
