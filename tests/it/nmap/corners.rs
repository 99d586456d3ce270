//! Hand-written corners of reports.

use acceptance::callers::Organization;
use acceptance::eventually::until;
use acceptance::server::Server;
use futures_util::future::join_all;
use serde_json::json;

use super::{all, count, reports};

const IPV6_ONLY: &str = r#"<host><status state="up" reason="nd-response" reason_ttl="255"/>
<address addr="2001:db8::17" addrtype="ipv6"/>
<ports><port protocol="tcp" portid="22"><state state="open" reason="syn-ack" reason_ttl="64"/></port></ports></host>"#;
const MAC_ONLY: &str = r#"<host><status state="up" reason="arp-response" reason_ttl="0"/>
<address addr="00:1A:2B:3C:4D:5E" addrtype="mac" vendor="Ayecom Technology"/></host>"#;
const NO_PORTS: &str = r#"<host><status state="up" reason="echo-reply" reason_ttl="0"/>
<address addr="10.0.0.3" addrtype="ipv4"/></host>"#;
const UDP: &str = r#"<host><status state="up" reason="arp-response" reason_ttl="0"/>
<address addr="10.0.0.2" addrtype="ipv4"/>
<ports><extraports state="open|filtered" count="1"/>
<port protocol="udp" portid="53"><state state="open" reason="udp-response" reason_ttl="64"/><service name="domain" method="table" conf="3"/></port>
<port protocol="udp" portid="161"><state state="open|filtered" reason="no-response" reason_ttl="0"/></port></ports></host>"#;
const BILLION_LAUGHS: &str = r#"<?xml version="1.0"?>
<!DOCTYPE nmaprun [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<nmaprun scanner="nmap" version="7.94" args="&b;"><host><status state="up"/><address addr="10.0.0.1" addrtype="ipv4"/></host></nmaprun>"#;

#[tokio::test]
async fn a_host_with_ipv6_alone_is_a_device_with_its_open_port() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let sent = administrator.scan(reports::report(IPV6_ONLY)).await.expect(200);
    let devices = all(&administrator, "/v1/devices", &sent).await;
    assert_eq!(devices.len(), 1);
    assert_eq!((&devices[0]["addresses"], &devices[0]["status"]), (&json!(["2001:db8::17"]), &json!("up")));
    let findings = all(&administrator, "/v1/findings", &sent).await;
    assert_eq!((findings.len(), &findings[0]["device_id"]), (1, &devices[0]["id"]));
}

#[tokio::test]
async fn a_host_with_a_hardware_address_alone_is_a_device() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let sent = administrator.scan(reports::report(MAC_ONLY)).await.expect(200);
    let devices = all(&administrator, "/v1/devices", &sent).await;
    assert_eq!(devices.len(), 1);
    assert_eq!(devices[0]["mac"].as_str().unwrap().to_lowercase(), "00:1a:2b:3c:4d:5e");
    assert_eq!(devices[0]["vendor"], "Ayecom Technology");
}

#[tokio::test]
async fn a_host_without_ports_is_a_device_without_findings() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let sent = administrator.scan(reports::report(NO_PORTS)).await.expect(200);
    assert_eq!((count(&sent, "hosts_up"), count(&sent, "findings_raised")), (1, 0));
    assert_eq!(all(&administrator, "/v1/devices", &sent).await.len(), 1);
    assert!(all(&administrator, "/v1/findings", &sent).await.is_empty());
}

#[tokio::test]
async fn a_port_that_may_be_open_is_no_finding() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let sent = administrator.scan(reports::report(UDP)).await.expect(200);
    let findings = all(&administrator, "/v1/findings", &sent).await;
    assert_eq!(findings.len(), 1, "{findings:?}");
    let path = format!("/v1/findings/{}", findings[0]["id"].as_str().unwrap());
    let finding = administrator.get(&path).await.expect(200).json();
    assert_eq!((&finding["protocol"], &finding["port"]), (&json!("udp"), &json!(53)));
}

#[tokio::test]
async fn hosts_that_are_down_become_nothing() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let hosts = reports::down("10.0.0.4") + &reports::host("10.0.0.5", &[443]) + &reports::down("10.0.0.6");
    let sent = administrator.scan(reports::report(&hosts)).await.expect(200);
    assert_eq!(count(&sent, "hosts_up"), 1);
    assert_eq!(all(&administrator, "/v1/devices", &sent).await.len(), 1);
}

#[tokio::test]
async fn entities_are_refused_before_anything_is_applied() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let answer = administrator.scan(BILLION_LAUGHS).await;
    assert!([400, 422].contains(&answer.status), "{}", answer.text());
    answer.code();
    assert_eq!(administrator.get("/v1/devices").await.expect(200).json()["total"]["value"], 0);
}

#[tokio::test]
async fn what_is_no_report_is_told_so() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let nessus = "<?xml version=\"1.0\"?><NessusClientData_v2><Report/></NessusClientData_v2>";
    for body in ["", "nmap done", "{}", "<html></html>", nessus, "\u{feff}"] {
        let answer = administrator.scan(body).await;
        assert!([400, 422].contains(&answer.status), "{body:?}: {} {}", answer.status, answer.text());
        answer.code();
    }
    for content_type in ["application/json", "text/plain"] {
        let request = administrator.request(reqwest::Method::POST, "/v1/scans").header("content-type", content_type);
        let answer = acceptance::callers::send(request.body(reports::report(NO_PORTS))).await.expect(415);
        assert_eq!(answer.code(), "unsupported-media-type");
    }
}

#[tokio::test]
async fn control_characters_in_a_report_become_no_failure() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    for odd in ["\0", "&#0;", "\u{7}", "&#x1f;", "\u{ffff}", "&#xd800;"] {
        let host =
            reports::host("10.0.0.5", &[22]).replace(r#"name="http""#, &format!(r#"name="http" product="a{odd}b""#));
        let answer = administrator.scan(reports::report(&host)).await;
        assert!([200, 422].contains(&answer.status), "{odd:?}: {} {}", answer.status, answer.text());
    }
}

#[tokio::test]
async fn a_report_that_breaks_off_says_what_was_applied_and_the_whole_one_completes_it() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let hosts: Vec<_> = (1..=40).map(|index| reports::host(&reports::address(index), &[22, 80])).collect();
    let whole = reports::report(&hosts.concat());
    let cut = administrator.scan(whole[..whole.len() * 2 / 3].to_owned()).await;
    assert!([400, 422].contains(&cut.status), "{}", cut.text());
    assert_eq!(cut.code(), "truncated-report");
    let applied = cut.json()["applied"].clone();
    let told = applied["devices_registered"].as_u64().unwrap();
    assert!((1..40).contains(&told), "a part of the report was applied: {applied}");
    until("what was applied shows", async || {
        let devices = administrator.get("/v1/devices").await.expect(200).json();
        (devices["total"]["value"] == told).then_some(())
    })
    .await;
    let sent = administrator.scan(whole).await.expect(200);
    assert_eq!(all(&administrator, "/v1/devices", &sent).await.len(), 40);
    assert_eq!(all(&administrator, "/v1/findings", &sent).await.len(), 80);
}

#[tokio::test]
async fn a_report_sent_twice_changes_nothing() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let (administrator, scanner) = (&organization.administrator, organization.scanner().await);
    let hosts: String = (1..=10).map(|index| reports::host(&reports::address(index), &[22, 80])).collect();
    let first = scanner.scan(reports::report(&hosts)).await.expect(200);
    let trail = all(administrator, "/v1/audit-trail", &first).await;
    let again = scanner.scan(reports::report(&hosts)).await.expect(200);
    // Its position is the partition's, in which other organizations live, too.
    assert_eq!(again.id(), first.id());
    assert_eq!(all(administrator, "/v1/audit-trail", &again).await, trail);
}

#[tokio::test]
async fn a_report_shows_with_its_counts_to_its_sender_and_the_organization_and_to_no_other_scanner() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let (sender, other) = (organization.scanner().await, organization.scanner().await);
    let sent = sender.scan(reports::report(&reports::host("10.0.0.5", &[22, 443]))).await.expect(200);
    let path = format!("/v1/scans/{}", sent.id());
    for client in [&sender.client, &organization.administrator.client] {
        let scans = all(client, "/v1/scans", &sent).await;
        assert_eq!((scans.len(), &scans[0]["id"]), (1, &json!(sent.id())));
        let scan = client.get(&path).await.expect(200).json();
        assert_eq!((&scan["sender"], &scan["tool"]), (&json!(format!("key:{}", sender.id)), &json!("nmap")));
        let counts = &scan["counts"];
        assert_eq!((&counts["devices_registered"], &counts["findings_raised"]), (&json!(1), &json!(2)), "{scan}");
    }
    assert!(all(&other, "/v1/scans", &sent).await.is_empty());
    other.get(&path).await.expect(404);
}

#[tokio::test]
async fn devices_beyond_the_plan_are_counted_as_refused() {
    let server = Server::shared().await;
    let organization = Organization::found_with(server, json!({ "plan": "free", "device_limit": 3 })).await;
    let hosts: String = (1..=5).map(|index| reports::host(&reports::address(index), &[])).collect();
    let sent = organization.administrator.scan(reports::report(&hosts)).await.expect(200);
    assert_eq!(all(&organization.administrator, "/v1/devices", &sent).await.len(), 3);
    assert!(count(&sent, "refused") >= 2, "{}", sent.text());
}

#[tokio::test]
async fn results_of_vulners_become_findings_with_their_cves() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let report = include_str!("../../../scan-formats/fixtures/nmap/real-vulners.xml");
    let sent = administrator.scan(report).await.expect(200);
    let findings = all(&administrator, "/v1/findings", &sent).await;
    let with_cves = findings.iter().filter(|finding| !finding["cves"].as_array().unwrap().is_empty()).count();
    assert!(with_cves > 0, "{findings:?}");
    assert_eq!(count(&sent, "findings_raised"), i64::try_from(findings.len()).unwrap());
}

#[tokio::test]
async fn one_report_sent_six_times_at_once_is_one_scan_and_raises_everything_once() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let hosts: String = (1..=20).map(|index| reports::host(&reports::address(index), &[22, 80])).collect();
    let answers = join_all((0..6).map(|_| administrator.scan(reports::report(&hosts)))).await;
    let last = &answers[0];
    for answer in &answers {
        assert_eq!((answer.status, answer.id()), (200, last.id()), "{}", answer.text());
    }
    assert_eq!(all(&administrator, "/v1/scans", last).await.len(), 1);
    assert_eq!(all(&administrator, "/v1/devices", last).await.len(), 20);
    assert_eq!(all(&administrator, "/v1/findings", last).await.len(), 40);
}
