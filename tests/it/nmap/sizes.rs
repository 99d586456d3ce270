//! Very large reports: streamed, never whole in the server's memory. On a server of its own, whose peak is measured.

use acceptance::callers::{Organization, send};
use acceptance::eventually::see;
use acceptance::server::Server;
use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use super::{count, reports};

const MEGABYTE: u64 = 1024 * 1024;
const HOSTS: u32 = 100_000;
/// Every so many hosts one is up.
const UP_EVERY: u32 = 250;
const HOSTS_PER_PIECE: usize = 100;
const TALK_BYTES: usize = 256 * 1024;
/// What a report may add to the server's peak, however long it is.
const MEMORY_MAX_BYTES: u64 = 64 * MEGABYTE;
const TOO_LARGE_BYTES: u64 = 300 * MEGABYTE;

fn hosts() -> impl Iterator<Item = Bytes> + Send {
    let host = |index: u32| match index % UP_EVERY {
        0 => reports::host(&reports::address(index), &[22, 443]),
        _ => reports::down(&reports::address(index)),
    };
    (0..HOSTS)
        .step_by(HOSTS_PER_PIECE)
        .map(move |first| Bytes::from((first..).take(HOSTS_PER_PIECE).map(host).collect::<String>()))
}

/// Hosts that are down and talk, without end as far as anybody can tell.
fn endless() -> impl Iterator<Item = Bytes> + Send {
    let piece = Bytes::from(reports::down_at_length("10.0.0.1", TALK_BYTES));
    let times = TOO_LARGE_BYTES / piece.len() as u64 + 1;
    (0..times).map(move |_| piece.clone())
}

#[tokio::test]
async fn large_reports_take_bounded_memory_and_too_large_ones_a_clear_answer() {
    let server = Server::start_private().await;
    let organization = Organization::found_with(&server, json!({ "plan": "enterprise" })).await;
    let administrator = &organization.administrator;
    administrator.scan(reports::report(&reports::host("10.200.0.1", &[22]))).await.expect(200);

    let before = server.memory_peak_bytes();
    let sent = administrator.scan(reports::streamed(hosts())).await.expect(200);
    let grown = server.memory_peak_bytes().saturating_sub(before); // the kernel counts roughly
    assert!(grown < MEMORY_MAX_BYTES, "{HOSTS} hosts took {} MB", grown / MEGABYTE);
    let up = i64::from(HOSTS / UP_EVERY);
    assert_eq!((count(&sent, "hosts_up"), count(&sent, "findings_raised")), (up, 2 * up));
    let list = see(administrator, "/v1/devices?limit=500", &sent.position()).await.expect(200).json();
    assert_eq!(list["total"]["value"], json!(up + 1));

    let before = server.memory_peak_bytes();
    let cut = administrator.scan(reports::streamed(endless())).await.expect(413);
    assert_eq!(cut.code(), "payload-too-large");
    let announced = administrator.request(Method::POST, "/v1/scans").header("content-type", "application/xml");
    let announced = announced.header("content-length", TOO_LARGE_BYTES).body(reports::streamed(endless()));
    assert_eq!(send(announced).await.expect(413).code(), "payload-too-large");
    let grown = server.memory_peak_bytes().saturating_sub(before); // the kernel counts roughly
    assert!(grown < MEMORY_MAX_BYTES, "300 MB took {} MB", grown / MEGABYTE);
    let scans = administrator.get("/v1/scans").await.expect(200).json();
    assert_eq!(scans["items"].as_array().map(Vec::len), Some(2), "{}", scans["total"]);
    assert_ne!(scans["items"][0]["id"], Value::Null);
}
