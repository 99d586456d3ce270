//! Reports of Nmap as they come from the tool.

use actix_web::http::{Method, StatusCode};
use serde_json::json;

use super::world::{Answer, World, request};

fn host(address: &str, ports: &str) -> String {
    format!(
        r#"<host starttime="1767225600" endtime="1767225660"><status state="up" reason="echo-reply"/>
        <address addr="{address}" addrtype="ipv4"/><hostnames><hostname name="h.example.org" type="PTR"/></hostnames>
        <ports>{ports}</ports></host>"#
    )
}

fn report(hosts: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE nmaprun>
        <nmaprun scanner="nmap" args="nmap -sV 10.0.0.0/24" start="1767225600" version="7.93" xmloutputversion="1.05">
        {hosts}<runstats><finished time="1767225700" exit="success"/><hosts up="2" down="0" total="2"/></runstats></nmaprun>"#
    )
}

const SSH: &str = r#"<port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/><service name="ssh" product="OpenSSH" version="8.4"/>
    <script id="vulners" output=""><table key="cpe:/a:openbsd:openssh:8.4"><table><elem key="id">CVE-2021-28041</elem><elem key="cvss">7.1</elem><elem key="type">cve</elem><elem key="is_exploit">false</elem></table></table></script></port>"#;
const WEB: &str =
    r#"<port protocol="tcp" portid="80"><state state="open" reason="syn-ack"/><service name="http"/></port>"#;

async fn upload(world: &World, token: &str, body: String) -> Answer {
    let upload = request(Method::POST, token, "/v1/scans").insert_header(("Content-Type", "application/xml"));
    world.send(upload.set_payload(body)).await
}

#[actix_web::test]
async fn a_report_becomes_devices_and_findings_and_sent_again_changes_nothing() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let scanner = world.scanner_key(&acme).await;
    let body = report(&(host("10.0.0.1", &format!("{SSH}{WEB}")) + &host("10.0.0.2", WEB)));
    let first = upload(&world, &scanner, body.clone()).await.expect(StatusCode::OK);
    assert_eq!(first.body["hosts_up"], 2);
    assert_eq!(first.body["devices_registered"], 2);
    assert_eq!((&first.body["findings_raised"], &first.body["findings_known"]), (&json!(4), &json!(0)));
    let events = world.all_events().await;
    let again = upload(&world, &scanner, body).await.expect(StatusCode::OK);
    assert_eq!(again.id(), first.id());
    assert_eq!((&again.body["devices_registered"], &again.body["devices_updated"]), (&json!(0), &json!(0)));
    assert_eq!((&again.body["findings_raised"], &again.body["findings_known"]), (&json!(0), &json!(4)));
    assert_eq!(world.all_events().await, events, "not one event more");
}

#[actix_web::test]
async fn a_device_known_by_its_address_is_updated_and_not_registered() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    world
        .post(&acme.admin, "/v1/devices", json!({"addresses": ["10.0.0.1"], "name": "core"}))
        .await
        .expect(StatusCode::CREATED);
    let answer = upload(&world, &acme.admin, report(&host("10.0.0.1", WEB))).await.expect(StatusCode::OK);
    assert_eq!((&answer.body["devices_registered"], &answer.body["devices_updated"]), (&json!(0), &json!(1)));
    assert_eq!(world.events("device.registered").await, 1);
}

#[actix_web::test]
async fn a_truncated_report_says_what_was_applied_and_is_completed_by_the_whole_one() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let whole = report(&(host("10.0.0.1", WEB) + &host("10.0.0.2", WEB)));
    let cut = whole[..whole.rfind("10.0.0.2").unwrap()].to_owned();
    let refused = upload(&world, &acme.admin, cut).await;
    let refused = refused.refused(StatusCode::UNPROCESSABLE_ENTITY, "truncated-report");
    assert_eq!(refused.body["applied"]["devices_registered"], 1);
    assert_eq!(world.events("scan.recorded").await, 0);
    let complete = upload(&world, &acme.admin, whole).await.expect(StatusCode::OK);
    assert_eq!((&complete.body["devices_registered"], &complete.body["findings_raised"]), (&json!(1), &json!(1)));
    assert_eq!(complete.body["findings_known"], 1);
    assert_eq!(world.events("scan.recorded").await, 1);
}

#[actix_web::test]
async fn a_full_plan_refuses_hosts_one_by_one_and_the_rest_goes_on() {
    let world = World::new().await;
    let acme = world.found("acme", 3).await;
    let hosts: String = (1..=40).map(|n| host(&format!("10.0.0.{n}"), WEB)).collect();
    let answer = upload(&world, &acme.admin, report(&hosts)).await.expect(StatusCode::OK);
    assert_eq!((&answer.body["devices_registered"], &answer.body["hosts_up"]), (&json!(3), &json!(40)));
    assert_eq!(answer.body["refusals"]["device-limit-reached"], 37);
}

#[actix_web::test]
async fn a_host_with_very_many_findings_is_applied_in_parts() {
    let world = World::new().await;
    let acme = world.found("acme", 3).await;
    let port = |n| format!(r#"<port protocol="tcp" portid="{n}"><state state="open" reason="syn-ack"/></port>"#);
    let body = report(&host("10.0.0.1", &(1..=500).map(port).collect::<String>()));
    let answer = upload(&world, &acme.admin, body.clone()).await.expect(StatusCode::OK);
    assert_eq!(answer.body["findings_raised"], 500);
    assert_eq!(upload(&world, &acme.admin, body).await.body["findings_known"], 500);
}

#[actix_web::test]
async fn what_is_no_report_is_refused_with_its_reason() {
    let world = World::new().await;
    let acme = world.found("acme", 3).await;
    let upload_json = request(Method::POST, &acme.admin, "/v1/scans").set_json(json!({}));
    world.send(upload_json).await.refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type");
    let nessus = upload(&world, &acme.admin, "<NessusClientData_v2/>".to_owned()).await;
    nessus.refused(StatusCode::UNPROCESSABLE_ENTITY, "other-format");
    let laughs = r#"<!DOCTYPE nmaprun [<!ENTITY a "ha">]><nmaprun>&a;</nmaprun>"#;
    let laughs = upload(&world, &acme.admin, laughs.to_owned()).await;
    laughs.refused(StatusCode::UNPROCESSABLE_ENTITY, "document-type-refused");
}

#[actix_web::test]
async fn a_keyed_report_repeated_has_its_first_answer_and_another_under_its_key_is_refused_unapplied() {
    let world = World::new().await;
    let acme = world.found("acme", 3).await;
    let keyed = |body: String| {
        let upload = request(Method::POST, &acme.admin, "/v1/scans").insert_header(("Idempotency-Key", "scan-1"));
        world.send(upload.insert_header(("Content-Type", "text/xml")).set_payload(body))
    };
    let first = keyed(report(&host("10.0.0.1", WEB))).await.expect(StatusCode::OK);
    let again = keyed(report(&host("10.0.0.1", WEB))).await.expect(StatusCode::OK);
    assert_eq!(first.body, again.body);
    keyed(report(&host("10.0.0.2", WEB))).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused");
    assert_eq!(world.events("device.registered").await, 1);
}
