//! Who may do what, written down once more and independently of the services, with a body each operation accepts.

use chrono::{Duration, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::stage::Subject;
use crate::nmap::reports;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Anonymous,
    Administrator,
    Analyst,
    Auditor,
    Viewer,
    Scanner,
    Operator,
}

pub(super) enum Body {
    None,
    Json(Value),
    Xml(String),
}

pub(super) struct Rule {
    pub(super) operation: &'static str,
    pub(super) who: &'static [Kind],
    /// What the path names.
    pub(super) subject: Subject,
    pub(super) body: fn() -> Body,
}

use Kind::{Administrator, Analyst, Anonymous, Auditor, Operator, Scanner, Viewer};

const EVERYBODY: &[Kind] = &Kind::ALL;
const KNOWN: &[Kind] = &[Administrator, Analyst, Auditor, Viewer, Scanner, Operator];
const MEMBERS: &[Kind] = &[Administrator, Analyst, Auditor, Viewer];
const MEMBERS_AND_SCANNER: &[Kind] = &[Administrator, Analyst, Auditor, Viewer, Scanner];
const OVERSEERS: &[Kind] = &[Administrator, Auditor];
const REPORTERS: &[Kind] = &[Administrator, Analyst, Scanner];
const ANALYSTS: &[Kind] = &[Administrator, Analyst];
const ADMINISTRATORS: &[Kind] = &[Administrator];
const OPERATORS: &[Kind] = &[Operator];

impl Kind {
    pub(super) const ALL: [Self; 7] = [Anonymous, Administrator, Analyst, Auditor, Viewer, Scanner, Operator];
}

impl Rule {
    pub(super) fn is_public(&self) -> bool {
        self.who.contains(&Anonymous)
    }
}

pub(super) fn rules() -> Vec<Rule> {
    let mut rules = organizations_and_people();
    rules.extend(devices_and_findings());
    rules.extend(decisions());
    rules.extend(projections());
    rules.extend(queries());
    rules
}

fn rule(operation: &'static str, who: &'static [Kind], subject: Subject, body: fn() -> Body) -> Rule {
    Rule { operation, who, subject, body }
}

fn organizations_and_people() -> Vec<Rule> {
    use Subject as S;
    let plan = || Body::Json(json!({ "plan": "team" }));
    vec![
        rule("POST /v1/organizations", OPERATORS, S::None, || Body::Json(new_organization())),
        rule("PUT /v1/organizations/{id}/plan", OPERATORS, S::Organization, plan),
        rule("POST /v1/organizations/{id}/suspend", OPERATORS, S::Organization, nothing),
        rule("POST /v1/organizations/{id}/resume", OPERATORS, S::Organization, nothing),
        rule("POST /v1/users", ADMINISTRATORS, S::None, || {
            Body::Json(json!({ "user": unique("user"), "role": "viewer" }))
        }),
        rule("PUT /v1/users/{id}/role", ADMINISTRATORS, S::User, || Body::Json(json!({ "role": "auditor" }))),
        rule("POST /v1/users/{id}/disable", ADMINISTRATORS, S::User, nothing),
        rule("POST /v1/users/{id}/enable", ADMINISTRATORS, S::User, nothing),
        rule("POST /v1/invitations/{token}/accept", EVERYBODY, S::Invitation, || {
            Body::Json(json!({ "password": unique("password") }))
        }),
        rule("POST /v1/sessions", EVERYBODY, S::None, || Body::Json(super::stage::demo_log_in())),
        rule("DELETE /v1/sessions/current", MEMBERS, S::OwnSession, nothing),
        rule("POST /v1/api-keys", ADMINISTRATORS, S::None, || Body::Json(json!({ "name": "key" }))),
        rule("POST /v1/api-keys/{id}/revoke", ADMINISTRATORS, S::ApiKey, nothing),
    ]
}

fn devices_and_findings() -> Vec<Rule> {
    use Subject as S;
    let device = || Body::Json(json!({ "host_name": unique("host") }));
    let finding = || Body::Json(json!({ "type": "weakness", "title": "Found", "severity": "low" }));
    let scan = || Body::Xml(reports::report(&reports::host("10.9.8.7", &[22])));
    vec![
        rule("POST /v1/devices", REPORTERS, S::None, device),
        rule("PUT /v1/devices/{id}/identifiers", REPORTERS, S::Device, device),
        rule("PUT /v1/devices/{id}/status", REPORTERS, S::Device, || Body::Json(json!({ "status": "up" }))),
        rule("POST /v1/devices/{id}/retire", REPORTERS, S::Device, nothing),
        rule("POST /v1/findings", REPORTERS, S::None, finding),
        rule("POST /v1/findings/{id}/observe", REPORTERS, S::Finding, nothing),
        rule("POST /v1/scans", REPORTERS, S::None, scan),
    ]
}

fn decisions() -> Vec<Rule> {
    use Subject as S;
    let because = || Body::Json(json!({ "reason": "because" }));
    vec![
        rule("POST /v1/findings/{id}/severity", ANALYSTS, S::Finding, || Body::Json(json!({ "severity": "high" }))),
        rule("POST /v1/findings/{id}/confirm", ANALYSTS, S::Finding, nothing),
        rule("POST /v1/findings/{id}/false-positive", ANALYSTS, S::Finding, because),
        rule("POST /v1/findings/{id}/out-of-scope", ANALYSTS, S::Finding, because),
        rule("POST /v1/findings/{id}/start", ANALYSTS, S::Finding, nothing),
        rule("POST /v1/findings/{id}/claim-fixed", ANALYSTS, S::Finding, nothing),
        rule("POST /v1/findings/{id}/verify", ANALYSTS, S::ClaimedFinding, nothing),
        rule("POST /v1/findings/{id}/assign", ANALYSTS, S::Finding, || Body::Json(json!({ "assignee": null }))),
        rule("POST /v1/findings/{id}/note", ANALYSTS, S::Finding, || Body::Json(json!({ "text": "Look here" }))),
        rule("POST /v1/findings/{id}/acceptance", ANALYSTS, S::Finding, || Body::Json(acceptance())),
        rule("POST /v1/findings/{id}/acceptance/approve", ANALYSTS, S::AskedFinding, nothing),
        rule("POST /v1/findings/{id}/acceptance/decline", ANALYSTS, S::AskedFinding, nothing),
        rule("POST /v1/findings/{id}/resolve", ANALYSTS, S::Finding, nothing),
        rule("POST /v1/findings/{id}/reopen", ANALYSTS, S::Finding, nothing),
    ]
}

fn projections() -> Vec<Rule> {
    use Subject as S;
    let generation = || Body::Json(json!({ "generation": 2 }));
    let skip = || Body::Json(json!({ "tenant": Uuid::nil(), "event_id": Uuid::now_v7(), "reason": "because" }));
    vec![
        rule("POST /v1/projections/{name}/rebuild", OPERATORS, S::Projection, nothing),
        rule("POST /v1/projections/{name}/switch", OPERATORS, S::Projection, generation),
        rule("POST /v1/projections/{name}/retire", OPERATORS, S::Projection, generation),
        rule("POST /v1/projections/{name}/pause", OPERATORS, S::Projection, generation),
        rule("POST /v1/projections/{name}/resume", OPERATORS, S::Projection, generation),
        rule("POST /v1/projections/{name}/verify", OPERATORS, S::Projection, || Body::Json(json!({ "sample": true }))),
        rule("POST /v1/projections/{name}/repair", OPERATORS, S::Projection, || Body::Json(json!({ "partition": 7 }))),
        rule("POST /v1/projections/{name}/parked/{stream}/retry", OPERATORS, S::Projection, || {
            Body::Json(json!({ "tenant": Uuid::nil() }))
        }),
        rule("POST /v1/projections/{name}/parked/{stream}/skip", OPERATORS, S::Projection, skip),
        rule("GET /v1/projections", OPERATORS, S::None, nothing),
        rule("GET /v1/projections/{name}", OPERATORS, S::Projection, nothing),
        rule("GET /v1/projections/{name}/parked", OPERATORS, S::Projection, nothing),
        rule("GET /v1/operations/{id}", OPERATORS, S::Operation, nothing),
    ]
}

fn queries() -> Vec<Rule> {
    use Subject as S;
    vec![
        rule("GET /v1/me", KNOWN, S::None, nothing),
        rule("GET /v1/organization", MEMBERS, S::None, nothing),
        rule("GET /v1/organizations", OPERATORS, S::None, nothing),
        rule("GET /v1/users", OVERSEERS, S::None, nothing),
        rule("GET /v1/api-keys", OVERSEERS, S::None, nothing),
        rule("GET /v1/audit-trail", OVERSEERS, S::None, nothing),
        rule("GET /v1/devices", MEMBERS, S::None, nothing),
        rule("GET /v1/devices/{id}", MEMBERS, S::Device, nothing),
        rule("GET /v1/findings", MEMBERS, S::None, nothing),
        rule("GET /v1/findings/{id}", MEMBERS, S::Finding, nothing),
        rule("GET /v1/findings/{id}/history", MEMBERS, S::Finding, nothing),
        rule("GET /v1/summary", MEMBERS, S::None, nothing),
        rule("GET /v1/scans", MEMBERS_AND_SCANNER, S::None, nothing),
        rule("GET /v1/scans/{id}", MEMBERS_AND_SCANNER, S::Scan, nothing),
    ]
}

fn nothing() -> Body {
    Body::None
}

pub(super) fn unique(what: &str) -> String {
    format!("{what}-{}", Uuid::now_v7().simple())
}

pub(super) fn new_organization() -> Value {
    json!({ "slug": unique("org"), "name": "Walked", "plan": "free", "administrator": { "user": "ada" } })
}

pub(super) fn acceptance() -> Value {
    json!({ "reason": "We live with it", "until": Utc::now() + Duration::days(30) })
}
