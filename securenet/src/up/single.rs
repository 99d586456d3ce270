//! Every service in one process, fed from the event store.

use std::net::TcpListener;

use platform::env::{Env, Faults};
use platform::health::Health;
use platform::metrics::{self, HttpMetrics};
use platform::request_id::TrustedProxies;
use platform::shutdown::{Reason, Shutdown};
use platform::telemetry;
use prometheus::Registry;

use super::Here;
use crate::console::{Running, say};
use crate::interrupts::Interrupts;
use crate::process::{add_metrics, add_server};
use crate::server::Mounts;
use crate::services::{StartError, Workers, command_api, common, projector, query_api};
use crate::{Failure, server};

struct Settings {
    command: command_api::Settings,
    query: query_api::Settings,
    projector: projector::Settings,
    common: common::Settings,
    proxies: TrustedProxies,
}

impl Settings {
    fn from_env(env: &Env) -> Result<Self, Faults> {
        let settings = Self {
            command: command_api::Settings::from_env(env),
            query: query_api::Settings::from_env(env),
            projector: projector::Settings::from_env(env),
            common: common::Settings::from_env(env),
            proxies: env.parse("SECURENET_TRUSTED_PROXIES", TrustedProxies::default()),
        };
        env.finish()?;
        Ok(settings)
    }
}

pub(super) async fn run(here: &Here<'_>, env: &Env, interrupts: &mut Interrupts) -> Result<(), Failure> {
    telemetry::start(&telemetry::Settings::from_env(env))?;
    let settings = Settings::from_env(env)?;
    let registry = Registry::new();
    metrics::process::register(&registry)?;
    let (mounts, workers) = tokio::select! {
        started = start(&settings, &registry) => started?,
        () = interrupts.wait() => return Ok(()),
    };
    let http = HttpMetrics::register(&registry)?;
    let apis = listen(here.options.port)?;
    let scrapes = listen(here.options.metrics_port)?;
    let running =
        Running { apis: url(&apis)?, metrics: vec![format!("{}/metrics", url(&scrapes)?)], processes: Vec::new() };
    let mut shutdown = Shutdown::new(mounts.health.clone(), env.environment());
    add_server(&mut shutdown, "http", server::serve(mounts, http, apis)?);
    workers.stop_with(&mut shutdown);
    add_metrics(&mut shutdown, metrics::serve(registry, scrapes)?);

    let serving = async {
        here.open_doors(&running).await?;
        std::future::pending().await
    };
    let outcome = tokio::select! {
        outcome = serving => outcome,
        reason = shutdown.reason() => match reason? {
            Reason::Signal => Ok(()),
            Reason::WorkerEnded(name) => Err(format!("the {name} ended by itself; the log says why").into()),
        },
        () = interrupts.wait() => Ok(()),
    };
    say("stopping");
    shutdown.run().await;
    outcome
}

/// Started in the order in which data flows. Nothing is appended any more when the appender stops, and everything
/// appended is projected after it.
async fn start(settings: &Settings, registry: &Registry) -> Result<(Mounts, Workers), StartError> {
    let common = settings.common.start(registry)?;
    let command = command_api::start(&settings.command, registry).await?;
    let projector = projector::start(&settings.projector, registry, &common, command.committed.clone()).await?;
    let refusals = query_api::noted_here(command.commands.services.denials.clone());
    let query = query_api::start(&settings.query, registry, &common, refusals).await?;
    let health = projector.checks(query.checks(command.checks(Health::builder()))).build();
    let proxies = settings.proxies.clone();
    let limits = common.limits;
    let mounts = Mounts { commands: Some(command.commands), queries: Some(query.api), health, proxies, limits };
    Ok((mounts, query.workers.then(command.workers).then(projector.workers)))
}

fn listen(wanted: u16) -> std::io::Result<TcpListener> {
    let listener = server::listen(wanted)?;
    let port = listener.local_addr()?.port();
    if port != wanted {
        say(&format!("port {wanted} is taken; using {port}"));
    }
    Ok(listener)
}

fn url(listener: &TcpListener) -> std::io::Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}
