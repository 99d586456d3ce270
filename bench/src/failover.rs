//! How long nothing new can be seen when a part of the production shape dies: commands go on at a steady rate, each is
//! followed until its finding is there, and the longest wait is the figure.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::client::Client;
use crate::process::Process;
use crate::report::Report;
use crate::{Failed, Outcome, http};

const COMMANDS_PER_SECOND: u32 = 20;
/// Of which the part dies after a fifth.
const DURATION: Duration = Duration::from_secs(40);
const AGAIN: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(90);
/// Findings of this load, told from those of the others.
const FIRST_FINDING: u32 = 950_000_000;

pub(crate) async fn measure(process: &Process, report: &mut Report) -> Outcome {
    let next = Arc::new(AtomicU32::new(FIRST_FINDING));
    for (role, target) in [("projector-1", "< 15 s"), ("kafka", ""), ("redis", ""), ("relay", "< 15 s")] {
        let (longest, refused) = without(process, role, &next).await?;
        let figure = format!("{:.1} s, {refused} commands or reads refused", longest.as_secs_f64());
        report.plain(&format!("{role} killed: longest until visible"), figure, target);
    }
    Ok(())
}

async fn without(process: &Process, role: &str, next: &Arc<AtomicU32>) -> Outcome<(Duration, u32)> {
    let token = Arc::new(process.log_in("analyst").await?);
    let host = Arc::new(process.host.clone());
    let mut tick = interval(Duration::from_secs(1) / COMMANDS_PER_SECOND);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let began = Instant::now();
    let mut killed = false;
    let mut following = JoinSet::new();
    while began.elapsed() < DURATION {
        tick.tick().await;
        if !killed && began.elapsed() > DURATION / 5 {
            killed = true;
            let pid = process.pid_of(role)?;
            Command::new("kill").args(["-9", &pid.to_string()]).status()?;
        }
        let (token, host, number) = (token.clone(), host.clone(), next.fetch_add(1, Ordering::Relaxed));
        following.spawn(async move { follow(&host, &token, number).await });
    }
    let (mut longest, mut refused) = (Duration::ZERO, 0);
    while let Some(followed) = following.join_next().await {
        let (took, refusals) = followed??;
        longest = longest.max(took);
        refused += refusals;
    }
    Ok((longest, refused))
}

/// From the command's first attempt until its finding was seen, and how often a server said no (5xx) on the way.
async fn follow(host: &str, token: &str, number: u32) -> Outcome<(Duration, u32)> {
    let began = Instant::now();
    let mut refused = 0;
    let mut accepted = None;
    while began.elapsed() < PATIENCE {
        let mut client = Client::connect(host, token).await?;
        match &accepted {
            None => match client.post("/v1/findings", &http::finding(number)).await {
                Ok(answer) if matches!(answer.status, 200 | 201) => {
                    let id = answer.json()?["id"].as_str().unwrap_or_default().to_owned();
                    accepted = Some((id, answer.position));
                    continue;
                }
                Ok(_) | Err(_) => refused += 1,
            },
            Some((id, position)) => match client.get(&format!("/v1/findings/{id}"), position.as_deref()).await {
                Ok(answer) if answer.status == 200 => return Ok((began.elapsed(), refused)),
                Ok(answer) if answer.status == 425 => {}
                Ok(_) | Err(_) => refused += 1,
            },
        }
        sleep(AGAIN).await;
    }
    Err(Failed::from("a finding was never seen"))
}
