//! What is hardly HTTP: the server answers or hangs up, and goes on serving; and what browsers must be told each time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use acceptance::callers::Organization;
use acceptance::server::Server;
use serde_json::json;

/// Longer than the server waits for the rest of a request.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the server says to bytes before it hangs up; nothing is an answer, too.
fn say(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.base().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).ok(); // it may hang up before we are done
    stream.shutdown(std::net::Shutdown::Write).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn what_is_hardly_http_never_becomes_a_failure_of_the_server() {
    let server = Server::shared().await;
    let long = format!("GET /v1/findings?cve={} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(300_000));
    let many = format!("GET /v1/me HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: b\r\n".repeat(5_000));
    let pieces: [&[u8]; 10] = [
        b"",
        b"\0\0\0\0\r\n\r\n",
        b"GARBAGE\r\n\r\n",
        b"GET /v1/me HTTP/9.9\r\n\r\n",
        b"GET /v1/me HTTP/1.1\r\nHost: a\r\nA\0B: c\r\n\r\n",
        b"POST /v1/findings HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/findings HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
        b"POST /v1/findings HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        long.as_bytes(),
        many.as_bytes(),
    ];
    for bytes in pieces {
        let answer = say(server, bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
        let refused = ["HTTP/1.1 4", "HTTP/1.0 4"].iter().any(|start| answer.starts_with(start));
        assert!(answer.is_empty() || refused, "{shown}: {answer}");
    }
    server.client().get("/health/ready").await.expect(200);
}

#[tokio::test]
async fn every_answer_tells_browsers_to_keep_nothing_and_guess_nothing() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let answers = [
        administrator.get("/v1/me").await,
        administrator.get("/nowhere").await,
        administrator.post("/v1/devices", json!({})).await,
        server.client().get("/v1/me").await,
        server.client().get("/docs/").await,
    ];
    for answer in answers {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
        // A proxy says that it is one, and not which version.
        assert!(answer.maybe_header("server").is_none_or(|server| server == "nginx"));
        assert_eq!(answer.maybe_header("x-powered-by"), None);
    }
    let token = administrator.sign_in_again().await;
    assert_eq!(token.get("/v1/me").await.expect(200).header("cache-control"), "no-store");
    // What has an ETag may be kept by its reader alone, and is asked for again each time.
    assert_eq!(token.get("/v1/users").await.expect(200).header("cache-control"), "private, no-cache");
}

#[tokio::test]
async fn metrics_are_told_on_their_own_port_and_not_on_the_apis() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    administrator.post("/v1/devices", json!({ "host_name": "measured" })).await.expect(201);
    let text = server.metrics().await;
    for name in [
        "securenet_append_batch_commands",
        "securenet_append_call_seconds",
        "securenet_append_queue_commands",
        "securenet_projection_lag_events",
        "securenet_projection_lag_seconds",
    ] {
        assert!(text.contains(name), "no {name}");
    }
    assert!(!text.contains(&administrator.id.to_string()), "metrics name nobody");
    server.client().get("/metrics").await.expect(404);
}
