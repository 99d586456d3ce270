//! The shape of production itself: processes that die and come back, an end that leaves nothing behind, refusals on their way
//! from one process to the other, and what the proxy says where nobody answers.

use std::path::Path;

use acceptance::callers::{Client, Organization, send};
use acceptance::eventually::{see, until};
use acceptance::server::{Role, Server, Shape};
use reqwest::Method;
use serde_json::json;

const EVERYBODY: [(Role, usize); 8] = [
    (Role::Nginx, 0),
    (Role::QueryApi, 0),
    (Role::CommandApi, 0),
    (Role::Relay, 0),
    (Role::Projector, 0),
    (Role::Projector, 1),
    (Role::Redis, 0),
    (Role::Kafka, 0),
];

fn is_running(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    Path::new(&format!("/proc/{pid}")).exists() && !status.lines().any(|line| line.starts_with("State:\tZ"))
}

fn pids(server: &Server) -> Vec<u32> {
    let mut pids: Vec<u32> = EVERYBODY.iter().map(|(role, number)| server.pid_of(*role, *number)).collect();
    pids.push(server.postgres_pid());
    pids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_die_come_back_and_none_outlives_the_deployment_however_it_ends() {
    let mut server = Server::start_in(Shape::Full, &[]).await;
    let organization = Organization::found(&server).await;
    let key = server.credential("SECURENET_SCANNER_KEY").to_owned();
    for (role, number) in EVERYBODY {
        let pid = server.kill_9_of(role, number);
        server.until_replaced(role, number, pid).await;
    }
    let device = organization.administrator.post("/v1/devices", json!({ "host_name": "after" })).await.expect(201);
    see(&organization.administrator, &format!("/v1/devices/{}", device.id()), &device.position()).await.expect(200);

    let all = pids(&server);
    server.kill_9_up();
    until("the end of every process", async || (!all.iter().copied().any(is_running)).then_some(())).await;
    server.restart().await;
    assert_eq!(server.credential("SECURENET_SCANNER_KEY"), key, "what was printed once stays true");
    see(&organization.administrator, &format!("/v1/devices/{}", device.id()), &device.position()).await.expect(200);

    let all = pids(&server);
    assert!(server.stop().success());
    let left: Vec<_> = all.into_iter().filter(|pid| is_running(*pid)).collect();
    assert!(left.is_empty(), "Ctrl-C leaves {left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_writers_are_away_reads_go_on_the_proxy_says_so_and_a_refused_query_stands_in_the_audit_trail_later()
{
    let mut server = Server::start_in(Shape::Full, &[]).await;
    let organization = Organization::found(&server).await;
    let viewer = organization.join("viewer", "vera").await;
    let direct = Client::new(&format!("http://{}", server.address_of(Role::CommandApi, 0)));
    let batch = || {
        json!({ "denials": [{ "principal": { "kind": "operator" }, "operation": "GET /v1/users",
        "request_id": "made-up", "traceparent": "", "ip": null, "user_agent": null }] })
    };
    for stranger in [direct.clone(), direct.with_bearer(server.credential("SECURENET_OPERATOR_TOKEN"))] {
        assert_eq!(stranger.post("/internal/denials", batch()).await.expect(401).code(), "authentication-required");
    }
    for path in ["/internal/denials", "/%69nternal/denials", "//internal/denials", "/v1/../internal/denials"] {
        assert_eq!(raw_post(&server, path).await, 404, "{path}");
    }

    let pid = server.kill_9_of(Role::CommandApi, 0);
    let refused = viewer.request(Method::GET, "/v1/users").header("x-request-id", "refused-in-the-dark");
    assert_eq!(send(refused).await.expect(403).code(), "forbidden");
    let answer = organization.administrator.post("/v1/devices", json!({ "host_name": "lost" })).await.expect(502);
    assert_eq!(answer.code(), "bad-gateway");
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    assert_eq!(answer.header("x-request-id"), answer.json()["request_id"]);
    server.until_replaced(Role::CommandApi, 0, pid).await;
    let filter = "/v1/audit-trail?limit=500&action=access.denied";
    until("the refusal in the audit trail", async || {
        let trail = organization.administrator.get(filter).await.expect(200).json();
        let found =
            trail["items"].as_array()?.iter().find(|entry| entry["actor"] == format!("user:{}", viewer.id))?.clone();
        assert_eq!(found["ip"], "127.0.0.1", "{found}");
        Some(())
    })
    .await;
}

/// The path as it is written here: a client of the web would tidy it up first.
async fn raw_post(server: &Server, path: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = server.base().trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{path}: {answer}"))
}
