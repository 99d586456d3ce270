//! `securenet up`: a whole deployment on one machine, from an empty directory to the first answer, and back down.
//!
//! Whatever happens in between, Postgres is stopped last; and what a kill -9 leaves, the next start mends. For people
//! who try it and people who develop it, never for production.

use std::net::TcpListener;
use std::path::PathBuf;

use platform::env::{Env, Faults, Secret};
use platform::health::Health;
use platform::metrics::{self, HttpMetrics};
use platform::request_id::TrustedProxies;
use platform::shutdown::{Reason, Shutdown};
use platform::telemetry;
use prometheus::Registry;

use crate::console::{say, welcome};
use crate::credentials::{self, Credentials};
use crate::database::{self, Database, role_password};
use crate::dev_dir::DevDir;
use crate::interrupts::Interrupts;
use crate::private_postgres::{PrivatePostgres, Purpose};
use crate::process::{add_metrics, add_server};
use crate::seed::seed;
use crate::server::Mounts;
use crate::services::{StartError, Workers, command_api, projector, query_api};
use crate::{Failure, server};

#[derive(clap::Args)]
pub(crate) struct Up {
    /// Where the deployment keeps its data and secrets
    #[arg(long, default_value = ".dev", overrides_with = "dir")]
    dir: PathBuf,
    /// The port of the APIs; where it is taken, the next free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The port of the metrics; where it is taken, the next free one
    #[arg(long, default_value_t = 9100)]
    metrics_port: u16,
}

pub(crate) async fn up(options: Up) -> Result<(), Failure> {
    let mut interrupts = Interrupts::listen()?;
    let directory = DevDir::open(&options.dir)?;
    say("starting Postgres");
    let home = directory.path().to_owned();
    let password = directory.password("postgres-superuser")?;
    let start = move || PrivatePostgres::start(&home, &password, Purpose::Deployment, say);
    let postgres = tokio::task::spawn_blocking(start).await??;
    let outcome = deploy(&options, &directory, &postgres, &mut interrupts).await;
    say("stopping Postgres");
    let stopped = tokio::task::spawn_blocking(move || postgres.stop()).await?;
    outcome?;
    stopped?;
    say("stopped; the data stays");
    Ok(())
}

async fn deploy(
    options: &Up,
    directory: &DevDir,
    postgres: &PrivatePostgres,
    interrupts: &mut Interrupts,
) -> Result<(), Failure> {
    let database = tokio::select! {
        prepared = Database::prepare(postgres, directory) => prepared?,
        () = interrupts.wait() => return Ok(()),
    };
    let env = environment(directory, postgres)?;
    telemetry::start(&telemetry::Settings::from_env(&env))?;
    let settings = Settings::from_env(&env)?;
    let registry = Registry::new();
    metrics::process::register(&registry)?;
    let started = tokio::select! {
        started = start(&settings, &registry) => started?,
        () = interrupts.wait() => return Ok(()),
    };
    let http = HttpMetrics::register(&registry)?;
    let apis = listen(options.port)?;
    let scrapes = listen(options.metrics_port)?;
    let addresses = Addresses { apis: url(&apis)?, metrics: format!("{}/metrics", url(&scrapes)?) };
    let (mounts, workers) = started;
    let mut shutdown = Shutdown::new(mounts.health.clone(), env.environment());
    add_server(&mut shutdown, "http", server::serve(mounts, http, apis)?);
    workers.stop_with(&mut shutdown);
    add_metrics(&mut shutdown, metrics::serve(registry, scrapes)?);

    let outcome = tokio::select! {
        outcome = run(directory, &database, &addresses) => outcome,
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

/// Every service of the one process.
struct Settings {
    command: command_api::Settings,
    query: query_api::Settings,
    projector: projector::Settings,
    proxies: TrustedProxies,
}

impl Settings {
    fn from_env(env: &Env) -> Result<Self, Faults> {
        let settings = Self {
            command: command_api::Settings::from_env(env),
            query: query_api::Settings::from_env(env),
            projector: projector::Settings::from_env(env),
            proxies: env.parse("SECURENET_TRUSTED_PROXIES", TrustedProxies::default()),
        };
        env.finish()?;
        Ok(settings)
    }
}

/// Started in the order in which data flows. Nothing is appended any more when the appender stops, and everything
/// appended is projected after it.
async fn start(settings: &Settings, registry: &Registry) -> Result<(Mounts, Workers), StartError> {
    let command = command_api::start(&settings.command, registry).await?;
    let projector = projector::start(&settings.projector, registry, command.committed.clone()).await?;
    let refusals = query_api::noted_here(command.commands.services.denials.clone());
    let query = query_api::start(&settings.query, registry, refusals).await?;
    let health = projector.checks(query.checks(command.checks(Health::builder()))).build();
    let proxies = settings.proxies.clone();
    let mounts = Mounts { commands: Some(command.commands), queries: Some(query.api), health, proxies };
    Ok((mounts, query.workers.then(command.workers).then(projector.workers)))
}

struct Addresses {
    apis: String,
    metrics: String,
}

/// Ends only with a failure.
async fn run(directory: &DevDir, database: &Database, addresses: &Addresses) -> Result<(), Failure> {
    if !database.seeded {
        say("seeding the demo organization");
        seed(&addresses.apis, directory).await?;
    }
    let credentials = Credentials::collect(directory, addresses.apis.clone())?;
    credentials.write(directory)?;
    if !database.seeded {
        database.mark_seeded().await?;
    }
    let file = directory.path().join(credentials::FILE);
    welcome(&credentials, &file, &addresses.metrics, !database.seeded);
    std::future::pending().await
}

/// What each service reads from its environment, as a deployment of separate processes would set it.
fn environment(directory: &DevDir, postgres: &PrivatePostgres) -> Result<Env, Failure> {
    let url = |role| Ok::<_, Failure>(postgres.url(role, &role_password(directory, role)?, database::NAME));
    let quiet = ("SECURENET_LOG".to_owned(), "warn".to_owned());
    let ours = [
        ("SECURENET_ENVIRONMENT", Secret::new("dev".to_owned())),
        ("SECURENET_WRITER_URL", url("writer")?),
        ("SECURENET_PROJECTOR_URL", url("projector")?),
        ("SECURENET_READER_URL", url("reader")?),
        ("SECURENET_ROOT_KEY", directory.key("root-key")?),
        ("SECURENET_TOKEN_KEY", directory.signing_key("token-key.pem")?),
        ("SECURENET_CURSOR_KEY", directory.key("cursor-key")?),
        ("SECURENET_OPERATOR_TOKEN", credentials::operator_token(directory)?),
    ];
    // Limits and the log may be set from outside; what belongs to this deployment may not.
    let outside =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let outside = outside.filter(|(name, _)| {
        let owned = ours.iter().any(|(ours, _)| name.strip_suffix("_FILE").unwrap_or(name) == *ours);
        name.starts_with("SECURENET_") && !owned
    });
    let ours = ours.iter().map(|(name, value)| ((*name).to_owned(), value.expose().to_owned()));
    Ok(Env::from_pairs([quiet].into_iter().chain(outside).chain(ours).collect::<Vec<_>>()))
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
