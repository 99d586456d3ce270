//! `securenet up`: a whole deployment on one machine, from an empty directory to the first answer, and back down.
//!
//! In one process, or with `--full` in the shape of production. Both live on the same data. Whatever happens in between,
//! Postgres is stopped last; and what a kill -9 leaves, the next start mends. For people who try it and people who develop
//! it, never for production.

mod full;
mod settings;
mod single;

use std::path::PathBuf;

use platform::env::Env;

use crate::console::{Running, say, welcome};
use crate::credentials::{self, Credentials};
use crate::database::Database;
use crate::dev_dir::DevDir;
use crate::interrupts::Interrupts;
use crate::private_postgres::{PrivatePostgres, Purpose};
use crate::seed::seed;
use crate::{Failure, supervisor};

#[derive(clap::Args)]
pub(crate) struct Up {
    /// The shape of production on this machine: processes of their own behind nginx, with Kafka and Redis
    #[arg(long)]
    full: bool,
    /// Where the deployment keeps its data and secrets
    #[arg(long, default_value = ".dev", overrides_with = "dir")]
    dir: PathBuf,
    /// The port of the APIs; where it is taken, the next free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The port of the metrics (with --full the first of several); where it is taken, the next free one
    #[arg(long, default_value_t = 9100)]
    metrics_port: u16,
    /// For tests that cut the network: the services reach Postgres through this port
    #[arg(long, hide = true)]
    postgres_via: Option<u16>,
    /// For tests that cut the network: Kafka sends its clients to this port
    #[arg(long, hide = true)]
    kafka_via: Option<u16>,
}

pub(crate) async fn up(options: Up) -> Result<(), Failure> {
    let mut interrupts = Interrupts::listen()?;
    let directory = DevDir::open(&options.dir)?;
    supervisor::sweep(directory.path()).await?;
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
    let here = Here { options, directory, database: &database };
    let settings = settings::all(directory, options.postgres_via.unwrap_or(postgres.port()))?;
    if options.full {
        full::run(&here, &settings, &postgres.pid_file(), interrupts).await
    } else {
        single::run(&here, &Env::from_pairs(settings), interrupts).await
    }
}

/// What both shapes are given.
struct Here<'a> {
    options: &'a Up,
    directory: &'a DevDir,
    database: &'a Database,
}

impl Here<'_> {
    /// Once the APIs answer: fills a new database, and tells how to use it.
    async fn open_doors(&self, running: &Running) -> Result<(), Failure> {
        let Self { directory, database, .. } = self;
        if !database.seeded {
            say("seeding the demo organization");
            seed(&running.apis, directory).await?;
        }
        let credentials = Credentials::collect(directory, running.apis.clone())?;
        credentials.write(directory)?;
        if !database.seeded {
            database.mark_seeded().await?;
        }
        let file = directory.path().join(credentials::FILE);
        welcome(&credentials, &file, running, !database.seeded);
        Ok(())
    }
}
