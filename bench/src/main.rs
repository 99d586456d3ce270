//! The benchmarks: one program that starts its own Postgres and services on private ports, measures
//! each figure beside the limits L1 and L2 of the same run, and prints a table with ratios.
//!
//! It never touches a server it did not start, and never reports a figure it did not measure in this run.
#![allow(clippy::print_stdout, clippy::disallowed_macros, reason = "a benchmark's result is what it prints")]

mod append;
mod client;
mod events;
mod failover;
mod history;
mod http;
mod limits;
mod load;
mod process;
mod queries;
mod read;
mod rebuild;
mod relay;
mod report;
mod server;
mod visible;

use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::process::{Process, Shape};
use crate::report::Report;
use crate::server::Server;

/// Measures SecureNet on this machine, beside what the same machine's disk and Postgres could do at best.
#[derive(Parser)]
struct Arguments {
    /// What to measure; everything when left out.
    #[arg(value_enum)]
    only: Option<Name>,
    /// Seconds each load runs.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Findings in the read models for the query figures.
    #[arg(long, default_value_t = 1_000_000)]
    findings: u64,
    /// Events in the log that is projected and rebuilt from.
    #[arg(long, default_value_t = 1_000_000)]
    events: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Library append: one event a command, ten, with command keys, one hot tenant.
    Append,
    /// Reading the log in order, decoded into typed events.
    Read,
    /// The relay beside a bare Kafka producer (needs Java and Maven).
    Relay,
    /// HTTP commands, authenticated and durable.
    Http,
    /// Accepted → visible by the store feed.
    Visible,
    /// Point and list queries.
    Queries,
    /// Projecting a log from the store, and rebuilding projections from it.
    Rebuild,
    /// The shape of production: accepted → visible through Kafka, and how long it takes without a projector, the broker, Redis.
    Full,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;
type Outcome<T = ()> = Result<T, Failed>;

#[tokio::main]
async fn main() -> Outcome {
    let arguments = Arguments::parse();
    let wants = |name| arguments.only.is_none_or(|only| only == name);
    let duration = Duration::from_secs(arguments.seconds);
    let server = Server::start().await?;
    let mut report = Report::new(server.flush_micros()?);

    let limits = limits::measure(&server, duration).await?;
    report.limits(&limits);
    let mut library = None;
    if wants(Name::Append) {
        library = Some(append::measure(&server, duration, &limits, &mut report).await?);
    }
    if wants(Name::Read) {
        read::measure(&server, &limits, &mut report).await?;
    }
    if wants(Name::Relay) {
        relay::measure(&server, &mut report).await?;
    }
    drop(server); // One Postgres at a time shares the machine with what is measured.
    if wants(Name::Http) || wants(Name::Visible) || wants(Name::Queries) {
        let process = Process::start(Shape::Single).await?;
        if wants(Name::Http) {
            http::measure(&process, duration, library, &mut report).await?;
        }
        if wants(Name::Visible) {
            visible::measure(&process, Shape::Single, duration, &mut report).await?;
        }
        if wants(Name::Queries) {
            queries::measure(&process, duration, arguments.findings, &mut report).await?;
        }
    }
    if wants(Name::Rebuild) {
        let process = Process::start(Shape::Single).await?;
        rebuild::measure(&process, arguments.events, &limits, &mut report).await?;
    }
    if wants(Name::Full) {
        let process = Process::start(Shape::Full).await?;
        visible::measure(&process, Shape::Full, duration, &mut report).await?;
        failover::measure(&process, &mut report).await?;
    }
    print!("{report}");
    Ok(())
}
