//! HTTP commands, authenticated and durable: registering devices and raising findings over 256 connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::client::Client;
use crate::load::{Load, closed_loop};
use crate::process::Process;
use crate::report::Report;
use crate::{Failed, Outcome};

const CONNECTIONS: usize = 256;

/// What it is called, where it is sent, and the body of the nth.
type Command = (&'static str, &'static str, fn(u32) -> Value);

/// `library` is the library append at 256 in flight of the same run, in events/s, where it was measured.
pub(crate) async fn measure(
    process: &Process,
    duration: Duration,
    library: Option<f64>,
    report: &mut Report,
) -> Outcome {
    let register: Command = ("HTTP register device", "/v1/devices", device);
    let raise: Command = ("HTTP raise finding", "/v1/findings", finding);
    for (what, path, body) in [register, raise] {
        let load = run(process, duration, path, body).await?;
        let ratio = library.map(|library| (load.per_second / library, "library append"));
        let what = format!("{what}, {CONNECTIONS} connections");
        report.load(&what, &load, "commands/s", ratio, "≥ 0.50 × library append, p99 < 60 ms");
    }
    let (now, peak) = process.memory()?;
    report.plain("resident memory after that load", format!("{now} MiB, at most {peak} MiB"), "< 150 MiB");
    Ok(())
}

async fn run(process: &Process, duration: Duration, path: &'static str, body: fn(u32) -> Value) -> Outcome<Load> {
    let key = process.credential("SECURENET_SCANNER_KEY")?;
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Mutex::new(Client::connect(&process.host, key).await?));
    }
    let clients = Arc::new(clients);
    let next = Arc::new(AtomicU32::new(0));
    closed_loop(CONNECTIONS, duration, move |caller| {
        let (clients, next) = (clients.clone(), next.clone());
        async move {
            let body = body(next.fetch_add(1, Ordering::Relaxed));
            clients[caller].lock().await.post(path, &body).await?.expect(201)?;
            Ok::<(), Failed>(())
        }
    })
    .await
}

fn device(number: u32) -> Value {
    let [_, b, c, d] = number.to_be_bytes();
    json!({ "addresses": [format!("10.{b}.{c}.{d}")], "network": "benchmark", "type": "server", "vendor": "Example" })
}

pub(crate) fn finding(number: u32) -> Value {
    json!({
        "type": "vulnerability", "title": format!("Outdated service {number}"), "severity": "high", "tool": "benchmark",
        "rule": format!("rule-{number}"), "cves": ["CVE-2021-44228"], "cvss_score": 8.1,
        "description": "The service answers with a version that is known to be vulnerable.",
    })
}
