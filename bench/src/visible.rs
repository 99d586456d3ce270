//! Accepted → visible: from a command's answer at the client to the answer of a GET that carries its token, at a steady
//! rate that does not wait for answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::client::Client;
use crate::load::Load;
use crate::process::{Process, Shape};
use crate::report::Report;
use crate::{Failed, Outcome, http};

const COMMANDS_PER_SECOND: u32 = 500;
const CONNECTIONS: usize = 64;
/// Findings of this load, told from those of the others.
const FIRST_FINDING: u32 = 900_000_000;

pub(crate) async fn measure(process: &Process, shape: Shape, duration: Duration, report: &mut Report) -> Outcome {
    let token = process.log_in("analyst").await?;
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Mutex::new(Client::connect(&process.host, &token).await?));
    }
    let clients = Arc::new(clients);
    let mut tick = interval(Duration::from_secs(1) / COMMANDS_PER_SECOND);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let commands = COMMANDS_PER_SECOND * u32::try_from(duration.as_secs())?;
    let mut running = JoinSet::new();
    let started = Instant::now();
    for number in 0..commands {
        tick.tick().await;
        let clients = clients.clone();
        running.spawn(async move {
            let mut client = clients[number as usize % CONNECTIONS].lock().await;
            let accepted = client.post("/v1/findings", &http::finding(FIRST_FINDING + number)).await?.expect(201)?;
            let asked = Instant::now();
            let id = accepted.json()?["id"].as_str().unwrap_or_default().to_owned();
            client.get(&format!("/v1/findings/{id}"), accepted.position.as_deref()).await?.expect(200)?;
            Ok::<u32, Failed>(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX))
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = running.join_next().await {
        latencies.push(done??);
    }
    let load = Load::of(latencies, started.elapsed());
    let (what, target) = match shape {
        Shape::Single => ("accepted → visible, store feed, 500 commands/s", "p99 < 30 ms"),
        Shape::Full => ("accepted → visible, Kafka feed behind nginx, 500 commands/s", "p99 < 60 ms"),
    };
    report.load(what, &load, "commands/s", None, target);
    Ok(())
}
