//! `compose/` as far as it can be judged without a container engine: the schema of compose files, nginx's, Prometheus's and
//! hadolint's own opinions, and whether what it says of our programs is so.

mod container;
mod metrics;
mod settings;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use acceptance::server::free_port;
use serde_json::Value;

use crate::tools::{must, python, root, said};

fn folder() -> PathBuf {
    root().join("compose")
}

/// The compose file as JSON, with anchors and merges resolved as an engine resolves them.
fn stack() -> &'static Value {
    static STACK: OnceLock<Value> = OnceLock::new();
    STACK.get_or_init(|| as_json(&folder().join("compose.yaml")))
}

fn services() -> impl Iterator<Item = (&'static String, &'static Value)> {
    stack()["services"].as_object().expect("there are services").iter()
}

fn as_json(yaml: &Path) -> Value {
    let script = "import json, sys; from ruamel.yaml import YAML; json.dump(YAML(typ='safe').load(open(sys.argv[1])), sys.stdout)";
    let json = said(Command::new(python("python")).args(["-c", script]).arg(yaml));
    serde_json::from_str(&json).expect("the script writes JSON")
}

/// Strings of a list, or the names of a map: compose allows both in most places.
fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        Value::Object(map) => map.keys().map(String::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![],
    }
}

/// Secrets as `make-secrets` makes them, in a folder that is gone with this value.
struct Secrets(PathBuf);

impl Secrets {
    fn make(test: &str) -> Self {
        let place = std::env::temp_dir().join(format!("securenet-secrets-{test}-{}", std::process::id()));
        must(Command::new(folder().join("make-secrets")).arg(&place));
        Self(place)
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn the_stack_satisfies_the_schema_of_compose_files() {
    let judge = ["--builtin-schema", "vendor.compose-spec"];
    must(Command::new(python("check-jsonschema")).args(judge).arg(folder().join("compose.yaml")));
}

#[test]
fn the_dockerfile_has_no_fault_that_hadolint_knows() {
    must(Command::new(python("hadolint")).arg(folder().join("Dockerfile")));
}

#[test]
fn nginx_accepts_its_configuration() {
    let place = std::env::temp_dir().join(format!("securenet-nginx-{}", std::process::id()));
    fs::create_dir_all(&place).unwrap();
    let copy = |from: &str, name: &str| {
        // Nobody here knows the names that containers have, nor may we take their port.
        let text = fs::read_to_string(folder().join(from)).unwrap();
        let text = text.replace("command-api-", "127.0.0.").replace("query-api-", "127.0.1.");
        fs::write(place.join(name), text.replace("listen 8080", &format!("listen 127.0.0.1:{}", free_port()))).unwrap();
    };
    copy("nginx.conf", "nginx.conf");
    copy("nginx/listen.conf", "listen.conf");
    copy("nginx/upstreams.conf", "upstreams.conf");
    let mut nginx = Command::new("nginx");
    nginx.args(["-t", "-q", "-e", "stderr", "-p"]).arg(&place).arg("-c").arg(place.join("nginx.conf"));
    must(&mut nginx);
    fs::remove_dir_all(&place).unwrap();
}

#[test]
fn nginx_knows_every_api_process_by_name() {
    let upstreams = fs::read_to_string(folder().join("nginx/upstreams.conf")).unwrap();
    let apis = services().map(|(name, _)| name).filter(|name| name.contains("-api-"));
    let apis: Vec<&String> = apis.collect();
    assert_eq!(apis.len(), 6);
    for api in apis {
        assert!(upstreams.contains(&format!("server {api}:8080 ")), "{api}");
    }
}

#[test]
fn prometheus_accepts_its_configuration_and_its_alerts_do_what_they_are_for() {
    let prometheus = folder().join("prometheus");
    must(Command::new("promtool").args(["check", "config", "prometheus.yml"]).current_dir(&prometheus));
    must(Command::new("promtool").args(["test", "rules", "tests.yml"]).current_dir(&prometheus));
    let rules = as_json(&prometheus.join("rules.yml"));
    for group in rules["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            assert!(matches!(rule["labels"]["severity"].as_str(), Some("page" | "ticket")), "{}", rule["alert"]);
            assert!(rule["annotations"]["look"].is_string(), "{} says where to look", rule["alert"]);
        }
    }
}

#[test]
fn prometheus_asks_every_process_of_ours() {
    let config = as_json(&folder().join("prometheus/prometheus.yml"));
    let jobs = config["scrape_configs"].as_array().unwrap().iter();
    let targets = jobs.flat_map(|job| names(&job["static_configs"][0]["targets"]));
    let mut asked: Vec<&str> =
        targets.map(|target| target.strip_suffix(":9100").expect("the port of metrics")).collect();
    let mut ours: Vec<&str> = services()
        .filter(|(_, service)| settings::is_ours(service) && !settings::is_a_job(service))
        .map(|(name, _)| name.as_str())
        .collect();
    asked.sort_unstable();
    ours.sort_unstable();
    assert_eq!(asked, ours);
}
