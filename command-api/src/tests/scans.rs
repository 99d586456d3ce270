//! Reports of Nmap as they come from the tool.

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use bytes::Bytes;
use domain::vocabulary::TenantId;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::world::{Answer, World, request};
use crate::scans::IMPORTS_PER_TENANT_MAX;

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
    upload_to(world, token, "/v1/scans", body).await
}

async fn upload_to(world: &World, token: &str, path: &str, body: String) -> Answer {
    let upload = request(Method::POST, token, path).insert_header(("Content-Type", "application/xml"));
    world.send(upload.set_payload(body)).await
}

/// What the log says of the scans, in the order of their recording.
async fn recorded(world: &World) -> Vec<Value> {
    let bodies = "SELECT convert_from(body, 'UTF8')::jsonb FROM store.events WHERE type = 'scan.recorded' ORDER BY seq";
    sqlx::query_scalar(bodies).fetch_all(&world.store).await.unwrap()
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

#[actix_web::test]
async fn the_same_report_of_two_scanner_keys_is_two_scans_of_the_same_findings() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let (one, other) = (world.scanner_key(&acme).await, world.scanner_key(&acme).await);
    let body = report(&host("10.0.0.1", WEB));
    let first = upload(&world, &one, body.clone()).await.expect(StatusCode::OK);
    let second = upload(&world, &other, body.clone()).await.expect(StatusCode::OK);
    assert_ne!(first.id(), second.id());
    assert_eq!((&second.body["devices_registered"], &second.body["findings_known"]), (&json!(0), &json!(1)));
    let (_, analyst) = world.join(&acme, "ana", "analyst").await;
    let of_people = [&acme.admin, &analyst].map(|token| upload(&world, token, body.clone()));
    let [of_admin, of_analyst] = of_people;
    let (of_admin, of_analyst) = (of_admin.await.expect(StatusCode::OK), of_analyst.await.expect(StatusCode::OK));
    assert_eq!(of_admin.id(), of_analyst.id(), "people see what each other sends");
    assert!(![first.id(), second.id()].contains(&of_admin.id()));
    assert_eq!((world.events("finding.raised").await, world.events("scan.recorded").await), (1, 3));
}

#[actix_web::test]
async fn a_declared_scope_is_recorded_and_the_command_line_is_not() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let body = report(&host("10.0.0.1", WEB));
    let path = "/v1/scans?scope=WEB.example.org,10.0.0.7/24";
    upload_to(&world, &acme.admin, path, body.clone()).await.expect(StatusCode::OK);
    upload(&world, &acme.admin, body).await.expect(StatusCode::OK);
    let [scan] = recorded(&world).await.try_into().unwrap();
    assert_eq!(scan["scope"], json!({"devices": 1, "hosts": ["10.0.0.0/24", "web.example.org"]}));
    assert!(!scan.to_string().contains("-sV"), "{scan}");
}

#[actix_web::test]
async fn a_scope_that_cannot_be_read_is_refused_before_anything_is_applied() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    for (query, pointer, code) in
        [("scope=10.0.0.256", "?scope", "malformed-target"), ("scope=a&targets=b", "?targets", "unknown-parameter")]
    {
        let path = format!("/v1/scans?{query}");
        let refused = upload_to(&world, &acme.admin, &path, report(&host("10.0.0.1", WEB))).await;
        let refused = refused.refused(StatusCode::BAD_REQUEST, "malformed-request");
        assert_eq!(refused.faults(), [(pointer.to_owned(), code.to_owned())]);
    }
    assert_eq!(world.events("device.registered").await, 0);
}

#[actix_web::test]
async fn a_keyed_report_with_another_scope_is_another_request() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let keyed = |path: &'static str| {
        let upload = request(Method::POST, &acme.admin, path).insert_header(("Idempotency-Key", "scan-1"));
        world.send(upload.insert_header(("Content-Type", "text/xml")).set_payload(report(&host("10.0.0.1", WEB))))
    };
    keyed("/v1/scans?scope=a").await.expect(StatusCode::OK);
    keyed("/v1/scans?scope=a").await.expect(StatusCode::OK);
    keyed("/v1/scans?scope=b").await.refused(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused");
}

#[actix_web::test]
async fn a_report_of_a_clock_that_runs_ahead_is_refused_whole_and_without_a_field() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let start_in = |seconds: i64| {
        let start = world.services.handler.now().micros() / 1_000_000 + seconds;
        report(&host("10.0.0.1", WEB)).replace("start=\"1767225600\"", &format!("start=\"{start}\""))
    };
    let ahead = upload(&world, &acme.admin, start_in(3600)).await;
    let ahead = ahead.refused(StatusCode::UNPROCESSABLE_ENTITY, "observed-in-future");
    assert_eq!(ahead.faults(), []);
    assert_eq!((&ahead.body["applied"]["hosts_up"], world.events("device.registered").await), (&json!(0), 0));
    upload(&world, &acme.admin, start_in(60)).await.expect(StatusCode::OK);
}

#[actix_web::test]
async fn a_known_address_on_another_card_is_left_to_a_person_and_the_rest_goes_on() {
    let world = World::new().await;
    let acme = world.found("acme", 100).await;
    let with_mac = |address, mac: &str| {
        let card = format!(r#"<address addr="{mac}" addrtype="mac" vendor="Acme"/><hostnames>"#);
        host(address, WEB).replace("<hostnames>", &card)
    };
    let first = with_mac("10.0.0.1", "00:00:5E:00:53:01") + &host("10.0.0.2", "");
    upload(&world, &acme.admin, report(&first)).await.expect(StatusCode::OK);
    let events = world.all_events().await;
    let stranger = upload(&world, &acme.admin, report(&with_mac("10.0.0.1", "00:00:5E:00:53:02"))).await;
    let stranger = stranger.expect(StatusCode::OK);
    assert_eq!(stranger.body["refusals"], json!({"mac-of-another-device": 1}));
    assert_eq!((&stranger.body["devices_updated"], &stranger.body["findings_known"]), (&json!(0), &json!(0)));
    assert_eq!(world.all_events().await, events + 1, "the scan's own event and no other");
    // Where one of them knows no card there is no contradiction.
    let both = host("10.0.0.1", SSH) + &with_mac("10.0.0.2", "00:00:5E:00:53:02");
    let agreed = upload(&world, &acme.admin, report(&both)).await.expect(StatusCode::OK);
    assert_eq!((&agreed.body["refused"], &agreed.body["devices_updated"]), (&json!(0), &json!(1)));
}

#[actix_web::test]
async fn an_organization_with_too_many_uploads_comes_again_later_and_the_others_go_on() {
    let world = World::new().await;
    let (acme, other) = (world.found("acme", 100).await, world.found("other", 100).await);
    let scanner = world.scanner_key(&acme).await;
    let body = report(&host("10.0.0.1", WEB));
    let tenant = TenantId::new(acme.id.parse().unwrap());
    let _places: Vec<_> = (1..IMPORTS_PER_TENANT_MAX).map(|_| world.services.imports.take(tenant).unwrap()).collect();
    // The last place belongs to an upload whose client sends nothing until it is told to.
    let (begun, reading) = oneshot::channel();
    let (go_on, told) = oneshot::channel::<()>();
    let whole = Bytes::from(body.clone());
    let late = stream::once(async move {
        begun.send(()).unwrap();
        told.await.unwrap();
        Ok(whole)
    });
    let idle = request(Method::POST, &scanner, "/v1/scans").insert_header(("Content-Type", "application/xml"));
    let idle = world.send_streamed(idle, Payload::Stream { payload: Box::pin(late) });
    let meanwhile = async {
        reading.await.unwrap();
        let refused = upload(&world, &scanner, body.clone()).await;
        let refused = refused.refused(StatusCode::SERVICE_UNAVAILABLE, "overloaded");
        assert_eq!(refused.header("retry-after"), "5");
        assert_eq!(world.events("device.registered").await, 0);
        upload(&world, &other.admin, body.clone()).await.expect(StatusCode::OK);
        world.log_in("acme", "admin").await;
        go_on.send(()).unwrap();
    };
    let (finished, ()) = tokio::join!(idle, meanwhile);
    assert_eq!(finished.expect(StatusCode::OK).body["devices_registered"], 1);
    upload(&world, &scanner, body).await.expect(StatusCode::OK);
}
