//! The one binary: parses arguments and wires the services together. Every rule is in the libraries.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failing test should stop where it fails"))]

mod console;
mod credentials;
mod database;
mod dev_dir;
mod doctor;
mod documents;
mod healthcheck;
mod interrupts;
mod log_epoch;
mod private_postgres;
mod process;
mod projections;
mod seed;
mod server;
mod services;
mod setup;
mod supervisor;
mod test_servers;
mod topics;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use platform::env::Env;
use platform::postgres::Settings;
use platform::problem::chain;

use doctor::Doctor;
use documents::Document;
use log_epoch::Log;
use test_servers::WithServers;
use topics::Topics;
use up::Up;

/// Many small, short-lived values on many threads: under load the C library, its allocator and its copying together,
/// took about a sixth of the machine (docs/decisions/0008).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The system of record of a security team
#[derive(Parser)]
#[command(name = "securenet", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a whole deployment on this machine: private Postgres, demo organization, all APIs. Not for production
    Up(Up),
    /// Serve commands: everything from SECURENET_… variables (docs/processes.md)
    #[command(name = "command-api")]
    Commands,
    /// Serve queries and the API documents
    QueryApi,
    /// Publish the log to Kafka
    Relay,
    /// Keep the read models up to date
    Projector,
    /// Make roles, set their passwords, make the database: once before the first migration, and again to change them
    Setup,
    /// Look for what is amiss with Postgres, Redis and Kafka, and say what mends it
    Doctor(Doctor),
    /// Rebuild, switch, verify and mend read models of a running deployment
    Projections(projections::Projections),
    /// Apply the missing migrations to the database of SECURENET_MIGRATOR_URL
    Migrate,
    /// The topic of events
    #[command(subcommand)]
    Topics(Topics),
    /// The log itself
    #[command(subcommand)]
    Log(Log),
    /// Print an OpenAPI document
    Openapi { document: Document },
    /// Print the AsyncAPI document of the topic
    Asyncapi,
    /// Ask the service of SECURENET_LISTEN whether it is ready, as a container's health check
    Healthcheck,
    /// Run a program with servers of its own: SECURENET_TEST_POSTGRES, SECURENET_TEST_KAFKA, SECURENET_TEST_REDIS
    #[command(hide = true)]
    WithServers(WithServers),
}

/// Why the program ends; whoever reads it sees the whole chain.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Up(options) => up::up(options).await.map(|()| ExitCode::SUCCESS),
        Command::Commands => process::run::<process::CommandApi>().await.map(|()| ExitCode::SUCCESS),
        Command::QueryApi => process::run::<process::QueryProcess>().await.map(|()| ExitCode::SUCCESS),
        Command::Relay => process::run::<process::RelayProcess>().await.map(|()| ExitCode::SUCCESS),
        Command::Projector => process::run::<process::ProjectorProcess>().await.map(|()| ExitCode::SUCCESS),
        Command::Setup => setup::run().await.map(|()| ExitCode::SUCCESS),
        Command::Doctor(options) => doctor::run(options).await,
        Command::Projections(options) => projections::run(options).await,
        Command::Migrate => migrate().await.map(|()| ExitCode::SUCCESS),
        Command::Topics(Topics::Apply) => topics::apply().await.map(|()| ExitCode::SUCCESS),
        Command::Log(Log::BeginEpoch(options)) => log_epoch::begin(options).await.map(|()| ExitCode::SUCCESS),
        Command::Openapi { document } => documents::show(document).map(|()| ExitCode::SUCCESS),
        Command::Asyncapi => documents::show_asyncapi().map(|()| ExitCode::SUCCESS),
        Command::Healthcheck => healthcheck::check().await.map(|()| ExitCode::SUCCESS),
        Command::WithServers(options) => test_servers::run(options).await,
    };
    outcome.unwrap_or_else(|error| {
        console::complain(&chain(error.as_ref()).to_string());
        ExitCode::FAILURE
    })
}

async fn migrate() -> Result<(), Failure> {
    let env = Env::from_process();
    let url = env.secret("SECURENET_MIGRATOR_URL");
    let options = Settings::from_env(&env).options(&url);
    env.finish()?;
    database::migrate(&options?).await?;
    console::say("the database has every migration");
    Ok(())
}
