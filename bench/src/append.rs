//! Library append: commands through the appender, durable, every check made.

use std::sync::Arc;
use std::time::Duration;

use command_api::appender::{Append, AppendError, Appended, Appender, CommandKey};
use command_api::metrics::AppendMetrics;
use sha2::{Digest, Sha256};

use crate::Outcome;
use crate::events::{self, tenant};
use crate::limits::Limits;
use crate::load::{Load, closed_loop};
use crate::report::Report;
use crate::server::{Database, Server};

/// Appenders of a process, as the services have them by default.
const APPENDERS: usize = 2;

/// Answers the rate at 256 in flight, one event a command.
pub(crate) async fn measure(server: &Server, duration: Duration, limits: &Limits, report: &mut Report) -> Outcome<f64> {
    let mut single = 0.0;
    for (in_flight, limit, one, keyed) in
        [(64, limits.l1_64, "≥ 0.55 × L1", "≥ 0.45 × L1"), (256, limits.l1_256, "≥ 0.60 × L1", "≥ 0.50 × L1")]
    {
        let load = run(server, in_flight, duration, |caller| events::append(tenant(caller), 1)).await?;
        let what = format!("append, 1 event a command, 64 tenants, {in_flight} in flight");
        report.load(&what, &load, "events/s", Some((load.per_second / limit, "L1")), one);
        single = load.per_second;

        let load = run(server, in_flight, duration, |caller| with_key(events::append(tenant(caller), 1))).await?;
        let what = format!("append with command keys, {in_flight} in flight");
        report.load(&what, &load, "events/s", Some((load.per_second / limit, "L1")), keyed);

        let load = run(server, in_flight, duration, |caller| events::append(tenant(caller), 10)).await?;
        let rate = load.per_second * 10.0;
        let what = format!("append, 10 events a command, {in_flight} in flight");
        report.rate(&what, rate, "events/s", Some((rate / limit, "L1")), "≥ 0.70 × L1");
    }
    let load = run(server, 256, duration, |_| events::append(tenant(0), 1)).await?;
    let ratio = Some((load.per_second / limits.l1_256, "L1"));
    report.load("append, one hot tenant, 256 in flight", &load, "events/s", ratio, "≥ 0.45 × L1");
    Ok(single)
}

/// Appends at least this many events, ten a command, over all tenants.
pub(crate) async fn fill(database: &Database, events: usize) -> Outcome {
    let metrics = AppendMetrics::register(&prometheus::Registry::new());
    let (appender, tasks) = Appender::start(&database.url("writer").parse()?, APPENDERS, metrics);
    let mut filling = tokio::task::JoinSet::new();
    for caller in 0..64 {
        let appender = appender.clone();
        filling.spawn(async move {
            for _ in 0..events.div_ceil(64 * 10) {
                appender.append(events::append(tenant(caller), 10)).await?;
            }
            Ok::<_, AppendError>(())
        });
    }
    while let Some(filled) = filling.join_next().await {
        filled??;
    }
    drop(appender);
    for task in tasks {
        task.await?;
    }
    Ok(())
}

async fn run(server: &Server, in_flight: usize, duration: Duration, command: fn(usize) -> Append) -> Outcome<Load> {
    let database = server.database().await?;
    let metrics = AppendMetrics::register(&prometheus::Registry::new());
    let (appender, tasks) = Appender::start(&database.url("writer").parse()?, APPENDERS, metrics);
    let shared = Arc::new(appender);
    let load = closed_loop(in_flight, duration, {
        let appender = shared.clone();
        move |caller| {
            let appender = appender.clone();
            async move {
                match appender.append(command(caller)).await {
                    Ok(Appended::New { .. }) => Ok(()),
                    Ok(Appended::Known { .. }) => Err(AppendError::KeyReused),
                    Err(error) => Err(error),
                }
            }
        }
    })
    .await?;
    drop(shared);
    for task in tasks {
        task.await?;
    }
    Ok(load)
}

fn with_key(mut append: Append) -> Append {
    let fingerprint: [u8; 32] = Sha256::digest(append.correlation).into();
    let answer = format!(r#"{{"id":"{}","version":1}}"#, append.correlation).into_bytes();
    append.key = Some(CommandKey { key: fingerprint, fingerprint, answer });
    append
}
