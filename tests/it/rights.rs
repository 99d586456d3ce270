//! Every operation of both documents × every kind of caller. The documents drive it: an operation without a rule fails,
//! and so does a rule without an operation.

mod stage;
mod table;

use acceptance::callers::{Answer, send};
use acceptance::openapi::{Operation, operations};
use acceptance::server::Server;
use reqwest::Method;

use stage::{Stage, Subject};
use table::{Body, Kind, Rule, rules};

/// Operations that are documented and not walked. This list only ever shrinks.
const NOT_WALKED: [&str; 0] = [];

/// An operation that has a rule, and one that has none.
fn paired(operations: Vec<Operation>) -> (Vec<(Operation, Rule)>, Vec<String>) {
    let mut rules = rules();
    let mut missing = Vec::new();
    let mut pairs = Vec::new();
    for operation in operations {
        match rules.iter().position(|rule| rule.operation == operation.name()) {
            Some(at) => pairs.push((operation, rules.swap_remove(at))),
            None if NOT_WALKED.contains(&operation.name().as_str()) => {}
            None => missing.push(format!("{} has no rule", operation.name())),
        }
    }
    missing.extend(rules.iter().map(|rule| format!("{} is in no document", rule.operation)));
    (pairs, missing)
}

#[tokio::test]
async fn every_operation_answers_every_kind_of_caller_as_the_table_of_rights_says() {
    let server = Server::shared().await;
    let (pairs, mut faults) = paired(operations(server).await);
    let stage = Stage::set(server).await;
    for (operation, rule) in &pairs {
        if operation.guarded == rule.is_public() {
            faults.push(format!("{}: the document says guarded: {}", rule.operation, operation.guarded));
        }
        for kind in Kind::ALL {
            faults.extend(judge(&stage, operation, rule, kind).await);
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn another_organizations_people_find_nothing_behind_its_ids() {
    let server = Server::shared().await;
    let (pairs, _) = paired(operations(server).await);
    let stage = Stage::set(server).await;
    let mut faults = Vec::new();
    for (operation, rule) in
        pairs.iter().filter(|(operation, rule)| operation.path.contains("{id}") && !rule.is_public())
    {
        for (kind, stranger) in [(Kind::Administrator, &stage.stranger), (Kind::Analyst, &stage.strange_analyst)] {
            let subject = stage.subject(rule.subject).await;
            let expected = if rule.who.contains(&kind) { 404 } else { 403 };
            let answer = ask(stranger, operation, &subject, &(rule.body)()).await;
            if answer.status != expected {
                faults
                    .push(format!("{} by a strange {kind:?}: {} instead of {expected}", rule.operation, answer.status));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// What is wrong with the answer one kind of caller gets.
async fn judge(stage: &Stage<'_>, operation: &Operation, rule: &Rule, kind: Kind) -> Vec<String> {
    let caller =
        if rule.subject == Subject::OwnSession { stage.own_session(kind).await } else { stage.caller(kind).clone() };
    let subject = stage.subject(rule.subject).await;
    let answer = ask(&caller, operation, &subject, &(rule.body)()).await;
    let mut faults = Vec::new();
    let status = answer.status;
    let right = if rule.who.contains(&kind) {
        (200..300).contains(&status)
    } else if kind == Kind::Anonymous {
        status == 401 && answer.code() == "authentication-required"
    } else {
        status == 403 && answer.code() == "forbidden"
    };
    if !right {
        faults.push(format!("{} by {kind:?}: {status} {}", rule.operation, answer.text()));
    }
    if !operation.statuses.contains(&status.to_string()) {
        faults.push(format!("{} by {kind:?}: {status} is not documented", rule.operation));
    }
    if operation.method == "GET" {
        let head = send(caller.request(Method::HEAD, &path(operation, &subject))).await;
        if head.status != status || !head.body.is_empty() {
            faults.push(format!("HEAD {} by {kind:?}: {} instead of {status}", operation.path, head.status));
        }
    }
    faults
}

async fn ask(caller: &acceptance::callers::Client, operation: &Operation, subject: &str, body: &Body) -> Answer {
    let method: Method = operation.method.parse().unwrap();
    let request = caller.request(method, &path(operation, subject));
    send(match body {
        Body::None => request,
        Body::Json(body) => request.json(body),
        Body::Xml(text) => request.header("content-type", "application/xml").body(text.clone()),
    })
    .await
}

/// Every path names at most one thing that has to be there; a parked stream is looked for later.
fn path(operation: &Operation, subject: &str) -> String {
    let path = operation.path.replace("{id}", subject).replace("{token}", subject).replace("{name}", subject);
    path.replace("{stream}", &uuid::Uuid::nil().to_string())
}
