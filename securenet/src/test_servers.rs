//! One Postgres, one Kafka broker and one Redis for all test binaries of a run: started before the program that is given,
//! stopped after it, made anew each time. Nothing in them is worth keeping, so they do not wait for the disk.

use std::path::PathBuf;
use std::process::ExitCode;

use platform::private_kafka::PrivateKafka;
use platform::private_redis::PrivateRedis;
use tokio::process::Command;

use crate::Failure;
use crate::console::say;
use crate::dev_dir::DevDir;
use crate::interrupts::Interrupts;
use crate::private_postgres::{PrivatePostgres, Purpose};

#[derive(clap::Args)]
pub(crate) struct WithServers {
    /// Where they keep their files
    #[arg(long, default_value = "target/test-servers")]
    dir: PathBuf,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<String>,
}

/// Redis and Kafka end with their values, however this process ends; Postgres is stopped by hand.
struct Servers {
    postgres: PrivatePostgres,
    kafka: PrivateKafka,
    redis: PrivateRedis,
}

/// The exit code is the program's.
pub(crate) async fn run(options: WithServers) -> Result<ExitCode, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let directory = DevDir::open(&options.dir)?;
    let (directory, started) = tokio::task::spawn_blocking(move || {
        let started = start(&directory);
        (directory, started)
    })
    .await?;
    let servers = started?;
    let [program, arguments @ ..] = options.program.as_slice() else { return Ok(ExitCode::FAILURE) };
    let mut child = Command::new(program)
        .args(arguments)
        .env("SECURENET_TEST_POSTGRES", servers.postgres.superuser_url().expose())
        .env("SECURENET_TEST_KAFKA", servers.kafka.bootstrap())
        .env("SECURENET_TEST_REDIS", servers.redis.url())
        .spawn();
    // A Ctrl-C reaches the program, too; here it only must not keep us from stopping the servers.
    let outcome = match &mut child {
        Ok(child) => tokio::select! {
            status = child.wait() => status.map(|status| status.code()),
            () = interrupts.wait() => child.kill().await.map(|()| None),
        },
        Err(error) => Err(std::io::Error::new(error.kind(), format!("{program} cannot be run: {error}"))),
    };
    tokio::task::spawn_blocking(move || {
        drop((servers.kafka, servers.redis));
        servers.postgres.stop()
    })
    .await??;
    drop(directory);
    let code = outcome?.and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Postgres last: it is the one that a failure would leave behind.
fn start(directory: &DevDir) -> Result<Servers, Failure> {
    let kafka = PrivateKafka::temporary(1)?;
    let redis = PrivateRedis::start(&directory.path().join("redis"))?;
    let password = directory.password("superuser")?;
    let postgres = PrivatePostgres::start(directory.path(), &password, Purpose::Tests, say)?;
    Ok(Servers { postgres, kafka, redis })
}
