//! One service as a process of its own: everything from environment variables, its API and its health on one address,
//! its metrics on another, and an orderly end.
//!
//! It holds what all of them share and knows none of them; each says below what it is made of.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use actix_web::dev::Server;
use platform::env::Env;
use platform::health::{Health, HealthBuilder};
use platform::metrics::{self, HttpMetrics};
use platform::request_id::TrustedProxies;
use platform::shutdown::{Reason, Shutdown};
use platform::telemetry;
use prometheus::Registry;
use query_api::QueryApi;
use tokio_util::sync::CancellationToken;

use crate::Failure;
use crate::interrupts::Interrupts;
use crate::server::{self, Commands, Mounts};
use crate::services::common::{self, Common};
use crate::services::{self, StartError, Workers};

/// A service that can be a process.
pub(crate) trait Service: Sized {
    const NAME: &'static str;
    /// On 127.0.0.1, unless `SECURENET_LISTEN` says otherwise.
    const PORT: u16;
    /// On 127.0.0.1, unless `SECURENET_METRICS_LISTEN` says otherwise.
    const METRICS_PORT: u16;

    /// Faults are noted in `env`.
    fn from_env(env: &Env) -> Self;

    /// Opens and starts what it needs. It may wait for Postgres without end.
    async fn start(self, registry: &Registry, common: &Common) -> Result<Parts, StartError>;
}

/// A service that was started.
pub(crate) struct Parts {
    pub(crate) commands: Option<Commands>,
    pub(crate) queries: Option<QueryApi>,
    pub(crate) health: HealthBuilder,
    pub(crate) workers: Workers,
}

pub(crate) struct CommandApi {
    settings: services::command_api::Settings,
    /// Where no process of its own publishes.
    relay: Option<services::relay::Settings>,
}

pub(crate) struct QueryProcess {
    settings: services::query_api::Settings,
    refusals: query_api::denials::Config,
}

pub(crate) struct ProjectorProcess(services::projector::Settings);

pub(crate) struct RelayProcess(services::relay::Settings);

impl Service for CommandApi {
    const NAME: &'static str = "command-api";
    const PORT: u16 = 8081;
    const METRICS_PORT: u16 = 9100;

    fn from_env(env: &Env) -> Self {
        let settings = services::command_api::Settings::from_env(env);
        Self { settings, relay: services::relay::Settings::inside(env) }
    }

    async fn start(self, registry: &Registry, _: &Common) -> Result<Parts, StartError> {
        let running = services::command_api::start(&self.settings, registry).await?;
        let mut health = running.checks(Health::builder());
        let mut workers = running.workers;
        if let Some(settings) = &self.relay {
            let relay = services::relay::start(settings, registry, Some(running.committed)).await?;
            health = relay.checks(health);
            workers = workers.then(relay.workers); // what was appended last is published, too
        }
        Ok(Parts { health, workers, commands: Some(running.commands), queries: None })
    }
}

impl Service for QueryProcess {
    const NAME: &'static str = "query-api";
    const PORT: u16 = 8082;
    const METRICS_PORT: u16 = 9101;

    fn from_env(env: &Env) -> Self {
        let settings = services::query_api::Settings::from_env(env);
        Self { settings, refusals: query_api::denials::Config::from_env(env) }
    }

    async fn start(self, registry: &Registry, common: &Common) -> Result<Parts, StartError> {
        let (sink, denials) = services::query_api::sent_on(&self.refusals, registry)?;
        let running = services::query_api::start(&self.settings, registry, common, sink).await?;
        let health = running.checks(Health::builder());
        Ok(Parts { health, workers: denials.then(running.workers), commands: None, queries: Some(running.api) })
    }
}

impl Service for ProjectorProcess {
    const NAME: &'static str = "projector";
    const PORT: u16 = 8084;
    const METRICS_PORT: u16 = 9103;

    fn from_env(env: &Env) -> Self {
        Self(services::projector::Settings::from_env(env))
    }

    async fn start(self, registry: &Registry, common: &Common) -> Result<Parts, StartError> {
        let running = services::projector::start(&self.0, registry, common, Default::default()).await?;
        let health = running.checks(Health::builder());
        Ok(Parts { health, workers: running.workers, commands: None, queries: None })
    }
}

impl Service for RelayProcess {
    const NAME: &'static str = "relay";
    const PORT: u16 = 8083;
    const METRICS_PORT: u16 = 9102;

    fn from_env(env: &Env) -> Self {
        Self(services::relay::Settings::from_env(env))
    }

    async fn start(self, registry: &Registry, _: &Common) -> Result<Parts, StartError> {
        let running = services::relay::start(&self.0, registry, None).await?;
        let health = running.checks(Health::builder());
        Ok(Parts { health, workers: running.workers, commands: None, queries: None })
    }
}

/// From the environment to the end.
pub(crate) async fn run<S: Service>() -> Result<(), Failure> {
    let mut interrupts = Interrupts::listen()?;
    let env = Env::from_process();
    let log = telemetry::Settings::from_env(&env);
    let api = env.parse("SECURENET_LISTEN", local(S::PORT));
    let scrapes = env.parse("SECURENET_METRICS_LISTEN", local(S::METRICS_PORT));
    let proxies = env.parse("SECURENET_TRUSTED_PROXIES", TrustedProxies::default());
    let common = common::Settings::from_env(&env);
    let service = S::from_env(&env);
    env.finish()?;
    telemetry::start(&log)?;
    let registry = Registry::new();
    metrics::process::register(&registry)?;
    let http = HttpMetrics::register(&registry)?;
    let common = common.start(&registry)?;
    // Taken before anything else is: an address that is in use should be known at once.
    let (api, scrapes) = (bind("SECURENET_LISTEN", api)?, bind("SECURENET_METRICS_LISTEN", scrapes)?);
    tracing::info!(service = S::NAME, version = env!("CARGO_PKG_VERSION"), "starting");
    let parts = tokio::select! {
        parts = service.start(&registry, &common) => parts?,
        () = interrupts.wait() => return Ok(()),
    };
    let health = parts.health.build();
    let mut shutdown = Shutdown::new(health.clone(), env.environment());
    tracing::info!(service = S::NAME, listen = %api.local_addr()?, metrics = %scrapes.local_addr()?, "serving");
    let mounts = Mounts { commands: parts.commands, queries: parts.queries, health, proxies, limits: common.limits };
    add_server(&mut shutdown, "http", server::serve(mounts, http, api)?);
    parts.workers.stop_with(&mut shutdown);
    add_metrics(&mut shutdown, metrics::serve(registry, scrapes)?);
    let outcome = match shutdown.reason().await? {
        Reason::Signal => Ok(()),
        Reason::WorkerEnded(name) => Err(format!("the {name} ended by itself; the log says why").into()),
    };
    shutdown.run().await;
    tracing::info!(service = S::NAME, "stopped");
    outcome
}

/// Stopped as a server, watched as a worker: one that ends by itself must not go unnoticed.
pub(crate) fn add_server(shutdown: &mut Shutdown, name: &'static str, server: Server) {
    shutdown.server(name, server.handle());
    let task = tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, name, "a server failed");
        }
    });
    shutdown.worker(name, CancellationToken::new(), task);
}

/// The last to go, so that a scrape still sees the drain.
pub(crate) fn add_metrics(shutdown: &mut Shutdown, server: Server) {
    let stop = CancellationToken::new();
    let (handle, stopped) = (server.handle(), stop.clone());
    let task = tokio::spawn(async move {
        tokio::select! {
            ended = server => if let Err(error) = ended { tracing::error!(%error, "the metrics cannot be served") },
            () = async { stopped.cancelled().await; handle.stop(false).await } => {}
        }
    });
    shutdown.worker("metrics", stop, task);
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn bind(setting: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| format!("{setting}: {address} cannot be listened on: {error}").into())
}
