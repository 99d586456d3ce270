//! One Postgres for all test binaries of a run: started before the program it is given, stopped after it, made anew
//! each time. Nothing in it is worth keeping, so it does not wait for the disk.

use std::path::PathBuf;
use std::process::ExitCode;

use tokio::process::Command;

use crate::Failure;
use crate::console::say;
use crate::dev_dir::DevDir;
use crate::interrupts::Interrupts;
use crate::private_postgres::{PrivatePostgres, Purpose};

#[derive(clap::Args)]
pub(crate) struct WithPostgres {
    /// Where it keeps its files
    #[arg(long, default_value = "target/test-postgres")]
    dir: PathBuf,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<String>,
}

/// The exit code is the program's.
pub(crate) async fn run(options: WithPostgres) -> Result<ExitCode, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let directory = DevDir::open(&options.dir)?;
    let password = directory.password("superuser")?;
    let home = directory.path().to_owned();
    let start = move || PrivatePostgres::start(&home, &password, Purpose::Tests, say);
    let postgres = tokio::task::spawn_blocking(start).await??;
    let [program, arguments @ ..] = options.program.as_slice() else { return Ok(ExitCode::FAILURE) };
    let mut child =
        Command::new(program).args(arguments).env("SECURENET_TEST_POSTGRES", postgres.superuser_url().expose()).spawn();
    // A Ctrl-C reaches the program, too; here it only must not keep us from stopping Postgres.
    let outcome = match &mut child {
        Ok(child) => tokio::select! {
            status = child.wait() => status.map(|status| status.code()),
            () = interrupts.wait() => child.kill().await.map(|()| None),
        },
        Err(error) => Err(std::io::Error::new(error.kind(), format!("{program} cannot be run: {error}"))),
    };
    tokio::task::spawn_blocking(move || postgres.stop()).await??;
    let code = outcome?.and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
