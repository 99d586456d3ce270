//! A log that is projected as it comes, and projections that are rebuilt from it beside the live ones, by the operator's own
//! commands.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::time::sleep;

use crate::client::Client;
use crate::limits::Limits;
use crate::process::Process;
use crate::report::Report;
use crate::{Failed, Outcome, history};

/// A figure within a hundredth needs no shorter look.
const LOOK: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(1_200);
const REBUILT: [&str; 3] = ["findings", "finding_search", "summary"];
const BEHIND: &str = "SELECT coalesce(sum(h.seq - c.seq), 0)::bigint FROM store.partition_head h \
    JOIN read.live_checkpoints c USING (partition) WHERE h.seq > c.seq";

pub(crate) async fn measure(process: &Process, events: usize, limits: &Limits, report: &mut Report) -> Outcome {
    let began = Instant::now();
    let appended = history::fill(&process.writer()?, events).await?;
    let filled = appended as f64 / began.elapsed().as_secs_f64();
    report.rate("append beside a projector, 10 streams a command", filled, "events/s", None, "");
    let mut connection = PgConnection::connect(&process.superuser()?).await?;
    caught_up(&mut connection).await?;
    let projected = appended as f64 / began.elapsed().as_secs_f64();
    report.rate("all projections from the store, while it is appended", projected, "events/s", None, "");
    for projection in REBUILT {
        let took = rebuild(process, projection).await?;
        let rate = appended as f64 / took.as_secs_f64();
        let ratio = Some((rate / limits.l1_64, "L1"));
        let what = format!("rebuild of {projection} from {appended} events, indexes included");
        report.rate(&what, rate, "events/s", ratio, "≥ 0.70 × L1 (findings)");
    }
    Ok(())
}

async fn caught_up(connection: &mut PgConnection) -> Outcome {
    let began = Instant::now();
    while sqlx::query_scalar::<_, i64>(BEHIND).fetch_one(&mut *connection).await? > 0 {
        if began.elapsed() > PATIENCE {
            return Err(Failed::from("the projections do not catch up"));
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// From the command to a generation that could be switched to.
async fn rebuild(process: &Process, projection: &str) -> Outcome<Duration> {
    let mut operator = Client::connect(&process.host, process.credential("SECURENET_OPERATOR_TOKEN")?).await?;
    let began = Instant::now();
    let path = format!("/v1/projections/{projection}");
    operator.post(&format!("{path}/rebuild"), &json!({})).await?.expect(202)?;
    while began.elapsed() < PATIENCE {
        let shown = operator.get(&path, None).await?.expect(200)?.json()?;
        let generations = shown["generations"].as_array().map_or(&[][..], Vec::as_slice);
        if generations.iter().any(|generation: &Value| generation["state"] == "ready") {
            return Ok(began.elapsed());
        }
        if let Some(failed) = shown["operations"].as_array().and_then(|all| all.iter().find(|o| o["state"] == "failed"))
        {
            return Err(Failed::from(format!("the rebuild failed: {failed}")));
        }
        sleep(LOOK).await;
    }
    Err(Failed::from(format!("the rebuild of {projection} takes too long")))
}
