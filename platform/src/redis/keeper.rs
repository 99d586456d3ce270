//! The one task that makes connections: at once when one breaks, after a pause when Redis is there and silent. It asks
//! `PING` before it hands a connection out, so the first request after an outage is not the one that finds out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::cmd;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::breaker::{Breaker, GivenUp};
use super::connect::{Connector, Link};
use super::metrics::Metrics;
use super::settings::Settings;
use super::{Away, RESPONSE_MAX_MS};

/// How long a silent Redis is left alone before it is tried again.
const OPEN_MS: u64 = 5_000;
/// A whole attempt: with a Sentinel it may ask several of them before it knows the master.
const ATTEMPT_MAX_MS: u64 = 5_000;
const RETRY_FIRST_MS: u64 = 50;
const RETRY_MAX_MS: u64 = 1_000;
/// How often the time without Redis is added up.
const COUNT_INTERVAL_MS: u64 = 1_000;

pub(super) async fn run(
    settings: Settings,
    links: watch::Sender<Option<Link>>,
    breaker: Arc<Breaker>,
    metrics: Metrics,
) {
    let keep = keep(settings, &links, &breaker, &metrics);
    tokio::select! {
        () = keep => {}
        () = links.closed() => {}
    }
}

async fn keep(settings: Settings, links: &watch::Sender<Option<Link>>, breaker: &Breaker, metrics: &Metrics) {
    let mut connector = Connector::new(settings);
    let mut number = 0;
    loop {
        number += 1;
        metrics.open.set(1);
        let link = counting(metrics, until_connected(&mut connector, number)).await;
        metrics.open.set(0);
        metrics.connects.inc();
        tracing::info!("Redis answers");
        links.send_replace(Some(link));
        let why = breaker.gives_up(number).await;
        metrics.open.set(1);
        links.send_replace(None);
        match why {
            GivenUp::Lost => tracing::warn!("the connection to Redis broke; everything goes on without it"),
            GivenUp::Silent => {
                tracing::warn!("Redis does not answer in time; everything goes on without it");
                counting(metrics, sleep(Duration::from_millis(OPEN_MS))).await;
            }
        }
    }
}

/// Adds the time that something takes to the time without Redis, while it takes it.
async fn counting<T>(metrics: &Metrics, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        let began = Instant::now();
        let done = timeout(Duration::from_millis(COUNT_INTERVAL_MS), work.as_mut()).await;
        metrics.degraded_seconds.inc_by(began.elapsed().as_secs_f64());
        if let Ok(done) = done {
            return done;
        }
    }
}

async fn until_connected(connector: &mut Connector, number: u64) -> Link {
    let mut pause = RETRY_FIRST_MS;
    let mut said = false;
    loop {
        match attempt(connector, number).await {
            Ok(link) => return link,
            Err(error) => {
                if !std::mem::replace(&mut said, true) {
                    let error = crate::problem::chain(&error);
                    tracing::warn!(%error, "Redis cannot be reached; everything goes on without it");
                }
            }
        }
        sleep(Duration::from_millis(pause)).await;
        pause = (pause * 2).min(RETRY_MAX_MS);
    }
}

async fn attempt(connector: &mut Connector, number: u64) -> Result<Link, Away> {
    let connect = connector.connect(number);
    let connected = timeout(Duration::from_millis(ATTEMPT_MAX_MS), connect).await;
    let mut link = connected.map_err(|_| Away::TimedOut)?.map_err(Away::Lost)?;
    let ping = cmd("PING");
    let asked = timeout(Duration::from_millis(RESPONSE_MAX_MS), link.query::<String>(&ping)).await;
    asked.map_err(|_| Away::TimedOut)?.map_err(Away::Lost)?;
    Ok(link)
}
