//! The real nmap against servers that the test starts, its output posted as it is.

use std::io::Write;
use std::net::TcpListener;
use std::process::Command;

use acceptance::callers::Organization;
use acceptance::server::Server;
use serde_json::json;

use super::{all, count};

/// Listens like a small web server, for as long as the test runs.
fn small_web_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut connection = connection;
            let answer = b"HTTP/1.0 200 OK\r\nServer: small/1.0\r\nContent-Length: 0\r\n\r\n";
            connection.write_all(answer).ok(); // a scanner that only connects has gone by now
        }
    });
    port
}

fn nmap(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("nmap")
        .args(["-n", "-Pn", "-sT", "--unprivileged", "-oX", "-"])
        .args(arguments)
        .output()
        .expect("nmap is installed (Debian: apt-get install nmap)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test]
async fn a_real_report_registers_the_host_and_raises_its_open_ports() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let scanner = organization.scanner().await;
    let (first, second) = (small_web_server(), small_web_server());
    let closed = acceptance::server::free_port();
    let report = nmap(&["-p", &format!("{first},{second},{closed}"), "127.0.0.1"]);
    let sent = scanner.scan(report.clone()).await.expect(200);
    assert_eq!((count(&sent, "devices_registered"), count(&sent, "findings_raised")), (1, 2), "{}", sent.text());

    let devices = all(&organization.administrator, "/v1/devices", &sent).await;
    assert_eq!((devices.len(), &devices[0]["addresses"]), (1, &json!(["127.0.0.1"])));
    let mut ports = Vec::new();
    for finding in all(&organization.administrator, "/v1/findings", &sent).await {
        let path = format!("/v1/findings/{}", finding["id"].as_str().unwrap());
        let finding = organization.administrator.get(&path).await.expect(200).json();
        assert_eq!((&finding["tool"], &finding["device_id"]), (&json!("nmap"), &devices[0]["id"]));
        ports.push(finding["port"].as_u64().unwrap());
    }
    ports.sort_unstable();
    let mut expected = vec![u64::from(first), u64::from(second)];
    expected.sort_unstable();
    assert_eq!(ports, expected);

    let again = scanner.scan(report).await.expect(200);
    assert_eq!(again.id(), sent.id());
}

#[tokio::test]
async fn a_later_run_finds_the_known_ports_known_and_raises_the_new_one() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let (scanner, first) = (organization.scanner().await, small_web_server());
    scanner.scan(nmap(&["-p", &first.to_string(), "127.0.0.1"])).await.expect(200);
    let second = small_web_server();
    let later = nmap(&["-sV", "--version-light", "-p", &format!("{first},{second}"), "127.0.0.1"]);
    let sent = scanner.scan(later).await.expect(200);
    let counts = ["devices_registered", "findings_raised", "findings_known"].map(|name| count(&sent, name));
    assert_eq!(counts, [0, 1, 1], "{}", sent.text());
    assert_eq!(all(&organization.administrator, "/v1/devices", &sent).await.len(), 1);
}
