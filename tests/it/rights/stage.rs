//! The cast of the walk, and a fresh thing for each call to name: what one caller does to it must not decide how the
//! next one is answered.

use acceptance::callers::{Client, Organization, Person, Scanner};
use acceptance::eventually::see;
use acceptance::server::Server;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::table::{Kind, acceptance, new_organization, unique};
use crate::nmap::reports;

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    None,
    Organization,
    User,
    /// A token nobody has used.
    Invitation,
    /// Nothing in the path: the session the caller calls with, so it gets one to lose.
    OwnSession,
    ApiKey,
    Device,
    Finding,
    ClaimedFinding,
    /// With an acceptance requested by somebody who is in none of the kinds.
    AskedFinding,
    /// Sent by the scanner of the walk.
    Scan,
    /// With a second generation that may be paused and switched to without anybody's noticing.
    Projection,
    Operation,
}

pub(super) struct Stage<'s> {
    server: &'s Server,
    home: Organization,
    anonymous: Client,
    operator: Client,
    analyst: Person,
    auditor: Person,
    viewer: Person,
    scanner: Scanner,
    asker: Person,
    rebuilt: OnceCell<String>,
    pub(super) stranger: Person,
    pub(super) strange_analyst: Person,
}

/// Of somebody who always can: the seeded viewer, put here once the server's credentials are known.
pub(super) fn demo_log_in() -> Value {
    DEMO.get().expect("the stage is set").clone()
}

static DEMO: std::sync::OnceLock<Value> = std::sync::OnceLock::new();

impl<'s> Stage<'s> {
    pub(super) async fn set(server: &'s Server) -> Self {
        let password = server.credential("SECURENET_VIEWER_PASSWORD");
        let organization = server.credential("SECURENET_ORGANIZATION");
        DEMO.get_or_init(|| json!({ "organization": organization, "user": "viewer", "password": password }));
        let home = Organization::found(server).await;
        let away = Organization::found(server).await;
        Self {
            server,
            anonymous: server.client(),
            operator: server.operator(),
            analyst: home.join("analyst", "anna").await,
            auditor: home.join("auditor", "otto").await,
            viewer: home.join("viewer", "vera").await,
            scanner: home.scanner().await,
            asker: home.join("analyst", "asta").await,
            rebuilt: OnceCell::new(),
            strange_analyst: away.join("analyst", "stan").await,
            stranger: away.administrator,
            home,
        }
    }

    pub(super) fn caller(&self, kind: Kind) -> &Client {
        match kind {
            Kind::Anonymous => &self.anonymous,
            Kind::Administrator => &self.home.administrator,
            Kind::Analyst => &self.analyst,
            Kind::Auditor => &self.auditor,
            Kind::Viewer => &self.viewer,
            Kind::Scanner => &self.scanner,
            Kind::Operator => &self.operator,
        }
    }

    pub(super) async fn own_session(&self, kind: Kind) -> Client {
        let person = match kind {
            Kind::Administrator => &self.home.administrator,
            Kind::Analyst => &self.analyst,
            Kind::Auditor => &self.auditor,
            Kind::Viewer => &self.viewer,
            Kind::Anonymous | Kind::Scanner | Kind::Operator => return self.caller(kind).clone(),
        };
        person.sign_in_again().await.client
    }

    /// Makes one, and waits until queries show it.
    pub(super) async fn subject(&self, subject: Subject) -> String {
        let administrator = &self.home.administrator;
        match subject {
            Subject::None | Subject::OwnSession => String::new(),
            Subject::Organization => self.made(self.operator.post("/v1/organizations", new_organization()).await),
            Subject::User => self.made(self.invite().await),
            Subject::Invitation => self.invite().await.json()["invitation"]["token"].as_str().unwrap().to_owned(),
            Subject::ApiKey => self.made(administrator.post("/v1/api-keys", json!({ "name": "spare" })).await),
            Subject::Device => {
                let made = administrator.post("/v1/devices", json!({ "host_name": unique("host") })).await.expect(201);
                let path = format!("/v1/devices/{}", made.id());
                see(administrator, &path, &made.position()).await.expect(200);
                self.made(made)
            }
            Subject::Finding => self.finding(None).await,
            Subject::ClaimedFinding => self.finding(Some(("claim-fixed", json!({})))).await,
            Subject::AskedFinding => self.finding(Some(("acceptance", acceptance()))).await,
            Subject::Scan => {
                let sent = self.scanner.scan(reports::report(&reports::host("10.9.8.6", &[80]))).await.expect(200);
                let path = format!("/v1/scans/{}", sent.id());
                see(administrator, &path, &sent.position()).await.expect(200);
                self.made(sent)
            }
            Subject::Projection => {
                self.rebuild().await;
                "scans".to_owned()
            }
            Subject::Operation => self.rebuild().await,
        }
    }

    /// Once for all: a second generation of a projection, and the operation that makes it.
    async fn rebuild(&self) -> String {
        let rebuild = async || {
            let accepted = self.operator.post("/v1/projections/scans/rebuild", json!({})).await.expect(202);
            let operation = accepted.json()["operation"].as_str().unwrap().to_owned();
            see(&self.operator, &format!("/v1/operations/{operation}"), &accepted.position()).await.expect(200);
            operation
        };
        self.rebuilt.get_or_init(rebuild).await.clone()
    }

    fn made(&self, answer: acceptance::callers::Answer) -> String {
        assert!(answer.status < 300, "{}\n{}", answer.text(), self.server.log());
        answer.id().to_string()
    }

    async fn invite(&self) -> acceptance::callers::Answer {
        let body = json!({ "user": unique("user"), "role": "viewer" });
        self.home.administrator.post("/v1/users", body).await.expect(201)
    }

    async fn finding(&self, then: Option<(&str, Value)>) -> String {
        let body = json!({ "type": "weakness", "title": unique("Finding"), "severity": "low" });
        let raised = self.asker.post("/v1/findings", body).await.expect(201);
        let path = format!("/v1/findings/{}", raised.id());
        let last = match then {
            Some((decision, body)) => self.asker.post(&format!("{path}/{decision}"), body).await.expect(200),
            None => raised.clone(),
        };
        see(&self.home.administrator, &path, &last.position()).await.expect(200);
        raised.id().to_string()
    }
}
