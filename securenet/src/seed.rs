//! The demo organization: people, a scanner key, devices, findings in every situation, a scan, and a refused log in.
//!
//! Everything goes in over HTTP, the way it would come from outside, so that what the first query shows is what real
//! use produces. It writes nothing to the database itself; whether it is needed is not its to know.

mod client;

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::credentials::{self, ORGANIZATION, PEOPLE};
use crate::dev_dir::{DevDir, DevDirError};

use client::{Client, ClientError};

const DEMO: &str = include_str!("seed/demo.json");
const NMAP_REPORT: &str = include_str!("seed/nmap.xml");
/// Stands in for a user's id; `$days:60` for a time so many days from now.
const PLACEHOLDER: char = '$';
const DAYS: &str = "days:";

#[derive(Debug, thiserror::Error)]
pub(crate) enum SeedError {
    #[error("the demo organization cannot be made")]
    Client(#[from] ClientError),
    #[error("the demo data of this binary is broken")]
    Demo(#[from] serde_json::Error),
    #[error(transparent)]
    Directory(#[from] DevDirError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Demo {
    devices: Vec<Device>,
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Device {
    register: Value,
    status: Option<String>,
    #[serde(default)]
    retire: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finding {
    /// The body of the command, but for `device`: the number of one of the devices above.
    raise: serde_json::Map<String, Value>,
    /// The scanner, unless a person raised it.
    by: Option<String>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(rename = "as")]
    user: String,
    #[serde(rename = "do")]
    action: String,
    with: Option<Value>,
}

/// Who is there by now: bearers by name (users, `operator`, `scanner`), and the ids of users.
#[derive(Default)]
struct Cast {
    bearers: BTreeMap<String, String>,
    users: BTreeMap<String, Value>,
}

impl Cast {
    fn bearer(&self, name: &str) -> &str {
        self.bearers.get(name).map_or("", String::as_str)
    }
}

/// Leaves the scanner key in the directory. Not safe to repeat: the database must be new.
pub(crate) async fn seed(url: &str, directory: &DevDir) -> Result<(), SeedError> {
    let demo: Demo = serde_json::from_str(DEMO)?;
    let client = Client::new(url)?;
    let cast = people(&client, directory).await?;
    let mut devices = Vec::with_capacity(demo.devices.len());
    for device in &demo.devices {
        devices.push(register(&client, &cast, device).await?);
    }
    for finding in &demo.findings {
        raise(&client, &cast, &devices, finding).await?;
    }
    for (device, id) in demo.devices.iter().zip(&devices) {
        if device.retire {
            client.post(&format!("/v1/devices/{id}/retire"), cast.bearer("admin"), None).await?;
        }
    }
    client.upload("/v1/scans", cast.bearer("scanner"), NMAP_REPORT).await?;
    refusals(&client, &cast).await?;
    Ok(())
}

async fn people(client: &Client, directory: &DevDir) -> Result<Cast, SeedError> {
    let mut cast = Cast::default();
    let operator = credentials::operator_token(directory)?;
    let founding = json!({
        "slug": ORGANIZATION,
        "name": "Demo",
        "plan": "enterprise",
        "administrator": { "user": "admin", "display_name": "Ada Admin" },
    });
    let founded = client.post("/v1/organizations", operator.expose(), Some(founding)).await?;
    enter(client, directory, &mut cast, "admin", &founded).await?;
    for (user, role) in &PEOPLE[1..] {
        let invitee = json!({ "user": user, "role": role, "display_name": format!("Demo {user}") });
        let invited = client.post("/v1/users", cast.bearer("admin"), Some(invitee)).await?;
        enter(client, directory, &mut cast, user, &invited).await?;
    }
    let issued = client.post("/v1/api-keys", cast.bearer("admin"), Some(json!({ "name": "demo scanner" }))).await?;
    let key = issued["key"].as_str().unwrap_or_default();
    directory.keep("scanner-key", key)?;
    cast.bearers.insert("scanner".to_owned(), key.to_owned());
    Ok(cast)
}

/// Accepts an invitation and logs in.
async fn enter(
    client: &Client,
    directory: &DevDir,
    cast: &mut Cast,
    user: &str,
    invited: &Value,
) -> Result<(), SeedError> {
    let password = credentials::password(directory, user)?;
    let invitation = &invited["invitation"];
    let path = invitation["path"].as_str().unwrap_or_default();
    client.post(path, "", Some(json!({ "password": password.expose() }))).await?;
    let log_in = json!({ "organization": ORGANIZATION, "user": user, "password": password.expose() });
    let session = client.post("/v1/sessions", "", Some(log_in)).await?;
    let token = session["access_token"].as_str().unwrap_or_default();
    cast.bearers.insert(user.to_owned(), token.to_owned());
    cast.users.insert(user.to_owned(), invitation["user_id"].clone());
    Ok(())
}

async fn register(client: &Client, cast: &Cast, device: &Device) -> Result<String, SeedError> {
    let registered = client.post("/v1/devices", cast.bearer("scanner"), Some(device.register.clone())).await?;
    let id = registered["id"].as_str().unwrap_or_default().to_owned();
    if let Some(status) = &device.status {
        client.put(&format!("/v1/devices/{id}/status"), cast.bearer("scanner"), json!({ "status": status })).await?;
    }
    Ok(id)
}

async fn raise(client: &Client, cast: &Cast, devices: &[String], finding: &Finding) -> Result<(), SeedError> {
    let mut body = finding.raise.clone();
    let device = body.remove("device").and_then(|number| number.as_u64());
    if let Some(id) = device.and_then(|number| devices.get(usize::try_from(number).ok()?)) {
        body.insert("device_id".to_owned(), json!(id));
    }
    let by = finding.by.as_deref().unwrap_or("scanner");
    let raised = client.post("/v1/findings", cast.bearer(by), Some(Value::Object(body))).await?;
    let id = raised["id"].as_str().unwrap_or_default();
    for step in &finding.steps {
        let body = step.with.as_ref().map(|body| filled(body, cast));
        client.post(&format!("/v1/findings/{id}/{}", step.action), cast.bearer(&step.user), body).await?;
    }
    Ok(())
}

/// So that the audit trail shows those, too.
async fn refusals(client: &Client, cast: &Cast) -> Result<(), SeedError> {
    let wrong = json!({ "organization": ORGANIZATION, "user": "viewer", "password": "not the password" });
    client.refused("/v1/sessions", "", wrong).await?;
    let beyond = json!({ "type": "note", "title": "A viewer may not do this", "severity": "info" });
    client.refused("/v1/findings", cast.bearer("viewer"), beyond).await?;
    Ok(())
}

fn filled(value: &Value, cast: &Cast) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), filled(field, cast))).collect(),
        Value::String(text) => match text.strip_prefix(PLACEHOLDER) {
            Some(name) => standing_for(name, cast),
            None => value.clone(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.clone(),
    }
}

fn standing_for(name: &str, cast: &Cast) -> Value {
    match name.strip_prefix(DAYS).and_then(|days| days.parse().ok()).and_then(TimeDelta::try_days) {
        Some(days) => json!(Utc::now() + days),
        None => cast.users.get(name).cloned().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_demo_data_can_be_read_and_names_only_what_is_there() {
        let demo: Demo = serde_json::from_str(DEMO).unwrap();
        let users = PEOPLE.map(|(user, _)| user);
        for finding in &demo.findings {
            let device = finding.raise.get("device").and_then(Value::as_u64);
            assert!(device.is_none_or(|number| number < demo.devices.len() as u64));
            assert!(finding.steps.iter().all(|step| users.contains(&step.user.as_str())));
        }
    }

    #[test]
    fn every_severity_and_every_decision_is_shown() {
        let demo: Demo = serde_json::from_str(DEMO).unwrap();
        let severities: BTreeSet<_> =
            demo.findings.iter().filter_map(|finding| finding.raise["severity"].as_str()).collect();
        assert_eq!(severities.len(), 6);
        let decisions: BTreeSet<_> =
            demo.findings.iter().flat_map(|f| &f.steps).map(|step| step.action.as_str()).collect();
        let all = [
            "acceptance",
            "acceptance/approve",
            "acceptance/decline",
            "assign",
            "claim-fixed",
            "confirm",
            "false-positive",
            "note",
            "out-of-scope",
            "reopen",
            "resolve",
            "severity",
            "start",
            "verify",
        ];
        assert_eq!(decisions.into_iter().collect::<Vec<_>>(), all);
    }
}
