//! `securenet doctor`: what is amiss with a deployment's Postgres, and the one line that mends each of it.
//!
//! It looks at statistics, settings and the catalogue as the role `doctor`, who may see no row of anybody's, and changes
//! nothing. It shows no statement that could hold a value, no address and no secret.

mod activity;
mod finding;
mod indexes;
mod migrations;
mod reach;
mod replication;
mod report;
mod roles;
mod row_security;
mod server_settings;
mod statements;
mod tables;
#[cfg(test)]
mod tests;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use platform::env::Env;
use platform::postgres::Settings;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::{Failure, console};
use finding::{Finding, Level};

const CONNECT_MAX: Duration = Duration::from_secs(10);

#[derive(Args)]
pub(crate) struct Doctor {
    /// One JSON object a line, also on a terminal
    #[arg(long)]
    json: bool,
}

/// 0: all is well; 1: something wants attention; 2: something is broken or unsafe, or could not be looked at.
pub(crate) async fn run(options: Doctor) -> Result<ExitCode, Failure> {
    let env = Env::from_process();
    let url = env.secret("SECURENET_DOCTOR_URL");
    let options_of_postgres = Settings::from_env(&env).options(&url);
    let reaching = reach::Settings::from_env(&env);
    env.finish()?;
    let mut findings = examine(&options_of_postgres?).await;
    findings.extend(reach::check(&reaching).await);
    let human = std::io::stdout().is_terminal() && !options.json;
    console::print(&if human { report::table(&findings) } else { report::json_lines(&findings) });
    let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Fine);
    Ok(ExitCode::from(worst.exit_code()))
}

/// Everything Postgres can be asked. A question that fails is a finding, and the others are still asked.
async fn examine(options: &PgConnectOptions) -> Vec<Finding> {
    let options = options.clone().application_name("securenet-doctor");
    let connecting = tokio::time::timeout(CONNECT_MAX, PgConnection::connect_with(&options)).await;
    let mut connection = match connecting {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return vec![cannot_connect(&error.to_string())],
        Err(_elapsed) => return vec![cannot_connect("no answer within 10 s")],
    };
    let c = &mut connection;
    let mut findings = vec![];
    let mut add = |check, answer: sqlx::Result<Vec<Finding>>| match answer {
        Ok(found) if found.is_empty() => findings.push(Finding::fine(check)),
        Ok(found) => findings.extend(found),
        Err(error) => findings.push(Finding::unanswered(check, &error)),
    };
    add("server", server_settings::server(c).await);
    add("settings", server_settings::check(c).await);
    add("roles", roles::check(c).await);
    add("migrations", migrations::check(c).await);
    add("row-security", row_security::check(c).await);
    add("indexes", indexes::check(c).await);
    add("tables", tables::check(c).await);
    add("connections", activity::check(c).await);
    add("replication", replication::check(c).await);
    add("statements", statements::check(c).await);
    findings
}

fn cannot_connect(why: &str) -> Finding {
    Finding::bad("server", "connection", format!("Postgres cannot be reached: {why}")).mend(
        "check SECURENET_DOCTOR_URL, SECURENET_POSTGRES_CA_FILE and pg_hba.conf; `securenet setup` makes the role",
    )
}
