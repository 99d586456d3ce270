//! Every metric that the dashboard shows or an alert looks at is one that a running process offers.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use acceptance::callers::Organization;
use acceptance::server::{Server, Shape};
use serde_json::{Value, json};

use super::{as_json, folder};
use crate::tools::root;

/// Prometheus makes it for each target.
const MADE_BY_PROMETHEUS: &str = "up";
/// Offered for each standby, and this system has none: the code at least has the name.
const OF_STANDBYS: [(&str, &str); 1] = [("securenet_replica_lag_seconds", "platform/src")];
/// What a histogram is made of.
const PARTS: [&str; 3] = ["_bucket", "_count", "_sum"];

#[test]
fn the_dashboard_is_one_that_grafana_finds() {
    let provider = as_json(&folder().join("grafana/provisioning/dashboards/securenet.yml"));
    let stack = super::stack();
    let mounts = super::names(&stack["services"]["grafana"]["volumes"]);
    let path = provider["providers"][0]["options"]["path"].as_str().unwrap();
    assert!(mounts.contains(&format!("./grafana/dashboards:{path}:ro").as_str()));
    let source = as_json(&folder().join("grafana/provisioning/datasources/prometheus.yml"));
    assert_eq!(source["datasources"][0]["url"], "http://prometheus:9090");
    let mut ids = BTreeSet::new();
    for panel in panels(&dashboard()) {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}: its id is another's", panel["title"]);
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], source["datasources"][0]["uid"]);
        }
    }
}

#[tokio::test]
async fn every_metric_of_the_dashboard_and_the_alerts_is_in_a_scrape_of_the_running_system() {
    // The shape in which everything runs that offers metrics.
    let server = &Server::start_in(Shape::Full, &[]).await;
    let organization = Organization::found(server).await;
    organization.administrator.get("/v1/summary").await.expect(200); // so that what counts by label has begun to count
    let mut offered = families(&server.metrics().await);
    for (metric, folder) in OF_STANDBYS {
        let found = Command::new("grep").args(["-rqF", &format!("\"{metric}\"")]).arg(root().join(folder)).status();
        assert!(found.unwrap().success(), "{metric}");
        offered.insert(metric.to_owned());
    }
    let missing: Vec<(String, String)> = wanted().into_iter().filter(|(metric, _)| !offered.contains(metric)).collect();
    assert!(missing.is_empty(), "nobody offers {missing:#?}; offered are {offered:#?}");
}

/// Each metric by the place where somebody wants it.
fn wanted() -> Vec<(String, String)> {
    let mut wanted = vec![];
    for panel in panels(&dashboard()) {
        for target in panel["targets"].as_array().unwrap() {
            let place = panel["title"].to_string();
            wanted.extend(metrics(target["expr"].as_str().unwrap()).into_iter().map(|metric| (metric, place.clone())));
        }
    }
    let rules = as_json(&folder().join("prometheus/rules.yml"));
    for rule in rules["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()) {
        let place = rule["alert"].to_string();
        wanted.extend(metrics(rule["expr"].as_str().unwrap()).into_iter().map(|metric| (metric, place.clone())));
    }
    assert!(wanted.len() > 30, "{wanted:?}");
    wanted
}

/// Names that are neither functions, keywords nor labels.
fn metrics(expression: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = without_labels(expression);
    while let Some(begin) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        let word_end = rest[begin..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map(|end| begin + end);
        let end = word_end.unwrap_or(rest.len());
        let word = &rest[begin..end];
        if word.contains('_') && !rest[end..].trim_start().starts_with('(') || word == MADE_BY_PROMETHEUS {
            found.insert(family(word).to_owned());
        }
        rest = rest[end..].to_owned();
    }
    found.remove(MADE_BY_PROMETHEUS);
    found
}

/// Without selectors, ranges and lists of labels.
fn without_labels(expression: &str) -> String {
    let mut text = String::new();
    let mut depth = 0;
    for c in expression.chars() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ if depth == 0 => text.push(c),
            _ => {}
        }
    }
    for keyword in ["by (", "on (", "without ("] {
        while let Some(begin) = text.find(keyword) {
            let end = text[begin..].find(')').map_or(text.len(), |end| begin + end + 1);
            text.replace_range(begin..end, " ");
        }
    }
    text
}

fn family(name: &str) -> &str {
    PARTS.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name)
}

/// What `# TYPE` lines name.
fn families(scrape: &str) -> BTreeSet<String> {
    let lines = scrape.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    lines.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn dashboard() -> Value {
    let text = fs::read_to_string(folder().join("grafana/dashboards/securenet.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn panels(dashboard: &Value) -> Vec<Value> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    panels.filter(|panel| panel["type"] != json!("row")).cloned().collect()
}

#[test]
fn metrics_are_told_from_functions_and_labels() {
    let expression = r#"histogram_quantile(0.99, sum by (le, some_label) (rate(a_b_seconds_bucket{job="x_y"}[$__rate_interval]))) > c_d and on (e_f) up == 0"#;
    assert_eq!(metrics(expression), BTreeSet::from(["a_b_seconds".to_owned(), "c_d".to_owned()]));
}
