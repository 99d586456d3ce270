//! The summary's counters agree with the lists, whatever happened on the way there.

use acceptance::callers::{Client, Organization};
use acceptance::eventually::see;
use acceptance::server::Server;
use serde_json::{Value, json};

const FINDINGS: usize = 24;

/// Devices of two types and one without, and findings on them and on none.
async fn populate(client: &Client) -> Vec<String> {
    let mut devices = vec![Value::Null];
    for kind in ["switch", "switch", "printer"] {
        let body = json!({ "host_name": format!("host-{}", devices.len()), "type": kind });
        devices.push(json!(client.post("/v1/devices", body).await.expect(201).id()));
    }
    devices.push(json!(client.post("/v1/devices", json!({ "host_name": "plain" })).await.expect(201).id()));
    let mut findings = Vec::new();
    for index in 0..FINDINGS {
        let severity = ["critical", "high", "medium", "low", "info", "unknown", "critical"][index % 7];
        let device = &devices[index % devices.len()];
        let body = json!({ "type": "weakness", "title": "Counted", "severity": severity, "device_id": device });
        findings.push(client.post("/v1/findings", body).await.expect(201).id().to_string());
    }
    findings
}

/// Gives most findings another fate, some of them several. Answers the last position.
async fn decide(client: &Client, findings: &[String]) -> String {
    let because = json!({ "reason": "because" });
    let fates: [&[(&str, Value)]; 8] = [
        &[],
        &[("confirm", json!({}))],
        &[("false-positive", because.clone())],
        &[("out-of-scope", because.clone()), ("confirm", json!({}))],
        &[("claim-fixed", json!({})), ("verify", json!({}))],
        &[("resolve", json!({})), ("reopen", json!({}))],
        &[("severity", json!({ "severity": "high" })), ("resolve", json!({}))],
        &[("false-positive", because.clone()), ("severity", json!({ "severity": "critical" }))],
    ];
    for (index, finding) in findings.iter().enumerate() {
        for (step, body) in fates[index % fates.len()] {
            client.post(&format!("/v1/findings/{finding}/{step}"), body.clone()).await.expect(200);
        }
    }
    client.post("/v1/devices", json!({ "host_name": "last", "type": "printer" })).await.expect(201).position()
}

fn is_open(finding: &Value) -> bool {
    finding["status"] != "suppressed" && finding["status"] != "resolved"
}

/// Total and open findings among those that hold.
fn counted(findings: &[Value], holds: impl Fn(&Value) -> bool) -> (usize, usize) {
    let held: Vec<_> = findings.iter().filter(|finding| holds(finding)).collect();
    (held.len(), held.iter().filter(|finding| is_open(finding)).count())
}

fn told(count: &Value) -> (usize, usize) {
    let number = |name: &str| usize::try_from(count[name].as_u64().unwrap()).unwrap();
    (number("total"), number("open"))
}

#[tokio::test]
async fn every_number_of_the_summary_is_what_counting_the_lists_gives() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let made = populate(&analyst).await;
    let position = decide(&analyst, &made).await;

    let summary = see(&analyst, "/v1/summary", &position).await.expect(200).json();
    let list = see(&analyst, "/v1/findings?limit=500", &position).await.expect(200).json();
    let findings = list["items"].as_array().unwrap().clone();
    let list = see(&analyst, "/v1/devices?limit=500", &position).await.expect(200).json();
    let devices = list["items"].as_array().unwrap().clone();
    let numbers = &summary["findings"];
    assert_eq!(told(numbers), counted(&findings, |_| true));
    for entry in numbers["by_severity"].as_array().unwrap() {
        let expected = counted(&findings, |finding| finding["severity"] == entry["severity"]);
        assert_eq!(told(entry), expected, "{entry}");
    }
    for entry in numbers["by_disposition"].as_array().unwrap() {
        let expected = counted(&findings, |finding| finding["disposition"] == entry["disposition"]);
        assert_eq!(told(entry), expected, "{entry}");
    }
    let type_of =
        |id: &Value| devices.iter().find(|device| device["id"] == *id).map_or(Value::Null, |d| d["type"].clone());
    for entry in numbers["by_device_type"].as_array().unwrap() {
        let expected = counted(&findings, |finding| type_of(&finding["device_id"]) == entry["device_type"]);
        assert_eq!(told(entry), expected, "{entry}");
    }
    assert_eq!(summary["devices"]["total"], devices.len());
    let today = summary["per_day"].as_array().unwrap().last().unwrap();
    let closed = findings.iter().filter(|finding| !is_open(finding)).count();
    assert_eq!(today["raised"], FINDINGS);
    assert!(today["closed"].as_u64().unwrap() >= closed as u64, "{today}: {closed} are closed");
    worst_devices_come_first(&summary["worst_devices"], &findings);
}

fn worst_devices_come_first(told: &Value, findings: &[Value]) {
    let told = told.as_array().unwrap();
    let open = |device: &Value, severity: &str| {
        let of_device =
            |finding: &&Value| finding["device_id"] == device["device_id"] && finding["severity"] == severity;
        findings.iter().filter(|finding| is_open(finding)).filter(of_device).count() as u64
    };
    let ranks: Vec<_> = told.iter().map(|device| (open(device, "critical"), open(device, "high"))).collect();
    assert!(!ranks.is_empty() && ranks.is_sorted_by(|a, b| a >= b), "{ranks:?}");
    for (device, (critical, high)) in told.iter().zip(ranks) {
        assert_eq!((&device["open_critical"], &device["open_high"]), (&json!(critical), &json!(high)), "{device}");
    }
}
