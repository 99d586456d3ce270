//! Schemathesis against both documents: no 5xx, and no answer that the documents do not announce.
//!
//! The documents are read as one, because they are served behind one address. Ids are often those of things that exist,
//! so that not every answer is a 404. What answers mean is for the other tests.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use acceptance::callers::{Client, Organization};
use acceptance::openapi::merged;
use acceptance::server::Server;
use serde_json::json;
use uuid::Uuid;

use crate::nmap::reports;

const SCHEMATHESIS: &str = "schemathesis==4.32.5";
const EXAMPLES_PER_OPERATION: &str = "20";
/// A well-formed request may still be refused: for the state of things, or a time in the past.
const UNCHECKED: &str = "positive_data_acceptance";
/// The same requests every time: a failure in CI is the failure at home.
const SEED: &str = "20261125";
/// How many of the ids in paths are of things that exist.
const KNOWN_SHARE: &str = "0.8";

#[tokio::test]
async fn queries_answer_generated_requests_as_their_document_says() {
    let (administrator, known) = inhabited().await;
    let others = "^/v1/(organizations|projections|operations)";
    let selection = ["--include-method", "GET", "--exclude-path-regex", others];
    run("queries", administrator.bearer(), &known, &selection).await;
}

#[tokio::test]
async fn commands_answer_generated_requests_as_their_document_says() {
    let (administrator, known) = inhabited().await;
    // Logging out would make every later answer a 401; organizations and projections are the operator's.
    let others = "^/v1/(organizations|projections|sessions/current)";
    run("commands", administrator.bearer(), &known, &["--exclude-method", "GET", "--exclude-path-regex", others]).await;
}

#[tokio::test]
async fn what_is_the_operators_answers_generated_requests_as_its_document_says() {
    let operator = Server::shared().await.operator();
    let known = [("organizations", Organization::found(Server::shared().await).await.id)];
    let selection = ["--include-path-regex", "^/v1/organizations"];
    run("operator", operator.bearer(), &known, &selection).await;
}

#[tokio::test]
async fn log_out_answers_generated_requests_as_its_document_says() {
    let administrator = Organization::found(Server::shared().await).await.administrator;
    run("log-out", administrator.bearer(), &[], &["--include-path", "/v1/sessions/current"]).await;
}

/// An organization with one of everything, by the path each is found under.
async fn inhabited() -> (Client, Vec<(&'static str, Uuid)>) {
    let organization = Organization::found(Server::shared().await).await;
    let administrator = organization.administrator.client.clone();
    let report = reports::report(&reports::host("10.0.0.9", &[22]));
    let device = json!({ "addresses": ["10.0.0.7"], "latitude": 38.72, "longitude": -9.14, "metadata": { "k": "v" } });
    let device = administrator.post("/v1/devices", device).await.expect(201).id();
    let finding = json!({
        "type": "cve", "title": "Old TLS", "severity": "high", "device_id": device, "cves": ["CVE-2024-3094"],
        "cvss": ["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"], "port": 443, "protocol": "tcp"
    });
    let known = vec![
        ("devices", device),
        ("findings", administrator.post("/v1/findings", finding).await.expect(201).id()),
        ("scans", administrator.scan(report).await.expect(200).id()),
        ("users", organization.analyst().await.id),
        ("api-keys", organization.scanner().await.id),
    ];
    (administrator, known)
}

/// One run over a part of the operations, as somebody.
async fn run(name: &str, token: &str, known: &[(&str, Uuid)], selection: &[&str]) {
    let server = Server::shared().await;
    let place = target().join("fuzzing");
    std::fs::create_dir_all(&place).unwrap();
    let (document, config) = (place.join(format!("{name}.json")), place.join(format!("{name}.toml")));
    std::fs::write(&document, merged(server).await.to_string()).unwrap();
    std::fs::write(&config, configuration(known)).unwrap();

    let mut command = Command::new(executable());
    command.arg("--config-file").arg(&config).arg("run").arg(&document);
    command
        .args(["--url", server.base(), "--header", &format!("Authorization: Bearer {token}"), "--checks", "all"])
        .args(["--exclude-checks", UNCHECKED, "--max-examples", EXAMPLES_PER_OPERATION])
        .args(["--seed", SEED, "--generation-database", "none"])
        // One worker: CPython 3.11 cannot compile in two threads at once without losing count now and then.
        .args(["--phases", "examples,coverage,fuzzing,stateful", "--workers", "1", "--suppress-health-check", "all"])
        .args(["--output-sanitize", "false", "--no-color", "--warnings", "off"])
        .args(selection)
        .current_dir(&place)
        .env("NO_PROXY", "127.0.0.1");
    let output = tokio::task::spawn_blocking(move || command.output().expect("schemathesis can be run")).await.unwrap();
    judge(name, &output, server);
}

/// What goes wrong is printed whole: it ends with the curl line that repeats it.
fn judge(name: &str, output: &Output, server: &Server) {
    let said = String::from_utf8_lossy(&output.stdout);
    let erred = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}:\n{said}\n{erred}\nThe server logged:\n{}", server.log());
}

fn configuration(known: &[(&str, Uuid)]) -> String {
    let mut text = String::new();
    for (collection, id) in known {
        writeln!(text, "[dictionaries.{collection}]\nvalues = [\"{id}\"]\n[[operations]]").unwrap();
        writeln!(text, "include-path-regex = \"^/v1/{collection}/\"").unwrap();
        let binding = format!("{{ dictionary = \"{collection}\", probability = {KNOWN_SHARE} }}");
        writeln!(text, "parameters = {{ \"path.id\" = {binding} }}").unwrap();
    }
    text
}

/// Named by `SECURENET_SCHEMATHESIS` (a virtual environment), else installed once beside the build.
fn executable() -> PathBuf {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    let install = || match std::env::var_os("SECURENET_SCHEMATHESIS") {
        Some(environment) => PathBuf::from(environment).join("bin/schemathesis"),
        None => install(&target().join("schemathesis")),
    };
    INSTALLED.get_or_init(install).clone()
}

fn install(environment: &Path) -> PathBuf {
    let executable = environment.join("bin/schemathesis");
    if !executable.is_file() {
        must(Command::new("python3").args(["-m", "venv"]).arg(environment));
        must(Command::new(environment.join("bin/pip")).args(["install", "--quiet", SCHEMATHESIS]));
    }
    executable
}

fn must(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a process knows its executable");
    test.ancestors().nth(3).expect("tests lie in <target>/<profile>/deps").to_owned()
}
