//! A Postgres of one machine alone: found, made, started and stopped as a child, for the deployment on one machine, for
//! tests and for benchmarks. Its callers say where, with which settings, and what becomes of it when they die.
//!
//! Postgres refuses to run as root, so root hands it to `postgres` or `nobody`. It keeps nobody's secrets, knows no
//! schema, and is never part of a service.

mod account;
mod installed;
mod place;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::env::Secret;

pub use account::{Account, is_root};
use installed::Installed;
pub use place::make_place;

pub const SUPERUSER: &str = "postgres";
const LOCALE: &str = "C.UTF-8";
/// How long Postgres may take to start (after a crash it replays its log first) or to stop.
const WAIT_MAX_SECONDS: &str = "60";
const SAID_LINES_MAX: usize = 20;

#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    #[error(
        "PostgreSQL 15 or newer is not installed (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql@15)"
    )]
    NotInstalled,
    #[error("the data in {} was made by PostgreSQL {version}, which is not installed any more", .data.display())]
    AnotherVersion { data: PathBuf, version: u32 },
    #[error("Postgres does not run as root, and this machine has neither a user `postgres` nor `nobody`")]
    NoAccount,
    #[error("{} belongs to somebody else", .0.display())]
    NotOurs(PathBuf),
    #[error("{}: {what}", .path.display())]
    Io { path: PathBuf, what: &'static str, source: io::Error },
    #[error("{program} failed: {said}")]
    Failed { program: &'static str, said: String },
}

/// How the superuser of new data logs in.
#[derive(Debug, Clone, Copy)]
pub enum LogIn<'a> {
    /// Whoever reaches the port is let in.
    Trust,
    Password(&'a Secret),
}

/// What new data survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    PowerCut,
    /// Nothing waits for the disk while it is made.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Ends sessions that are still open, and waits until everything is on disk.
    Fast,
    /// As a crash would, without a checkpoint.
    Immediate,
}

/// Postgres's programs, working in one place, whose `data` and `log` they keep.
pub struct Tools {
    installed: Installed,
    account: Option<Account>,
    place: PathBuf,
}

impl Tools {
    /// For the data that is in the place, or the newest where there is none yet.
    pub fn find(place: PathBuf, account: Option<Account>) -> Result<Self, PostgresError> {
        Ok(Self { installed: installed::find(&place.join("data"))?, account, place })
    }

    pub fn place(&self) -> &Path {
        &self.place
    }

    pub fn data(&self) -> PathBuf {
        self.place.join("data")
    }

    /// Where the programs are.
    pub fn binaries(&self) -> &Path {
        &self.installed.directory
    }

    /// Makes data in a directory below the place, under any name, so that half-made data can be told from whole.
    pub fn initdb(&self, directory: &str, log_in: LogIn<'_>, durability: Durability) -> Result<(), PostgresError> {
        let mut arguments = vec!["-D", directory, "-U", SUPERUSER, "-E", "UTF8", "--locale", LOCALE];
        if durability == Durability::Nothing {
            arguments.push("--no-sync");
        }
        match log_in {
            LogIn::Trust => {
                arguments.extend(["-A", "trust"]);
                self.run("initdb", &arguments)
            }
            LogIn::Password(password) => {
                let file = self.place.join("password");
                self.write(&file, password.expose())?;
                arguments.extend(["-A", "scram-sha-256", "--pwfile", "password"]);
                let made = self.run("initdb", &arguments);
                fs::remove_file(&file).map_err(io_error(&file, "cannot be removed"))?;
                made
            }
        }
    }

    /// Makes data that follows the server on a port of this machine, which keeps its log for it under the slot's name.
    pub fn follow(&self, directory: &str, port: u16, slot: &str) -> Result<(), PostgresError> {
        let port = port.to_string();
        let from = ["-h", "127.0.0.1", "-p", &port, "-U", SUPERUSER];
        let how = ["-D", directory, "-R", "-C", "-S", slot, "-X", "stream", "-c", "fast", "--no-sync"];
        self.run("pg_basebackup", &[&from[..], &how[..]].concat())
    }

    /// Returns once it answers on the port; `settings` are options of `postgres`.
    pub fn start(&self, settings: &str, port: u16) -> Result<(), PostgresError> {
        let options = format!("{settings} -p {port}");
        self.run("pg_ctl", &["start", "-w", "-t", WAIT_MAX_SECONDS, "-s", "-D", "data", "-l", "log", "-o", &options])
    }

    pub fn stop(&self, how: Stop) -> Result<(), PostgresError> {
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        self.run("pg_ctl", &["stop", "-w", "-t", WAIT_MAX_SECONDS, "-s", "-m", mode, "-D", "data"])
    }

    /// A file that Postgres's user alone may read.
    pub fn write(&self, path: &Path, text: &str) -> Result<(), PostgresError> {
        let write = || {
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
            file.write_all(text.as_bytes())?;
            account::give(path, self.account.as_ref())
        };
        write().map_err(io_error(path, "cannot be written"))
    }

    /// The last that the server wrote in its log.
    pub fn said(&self) -> String {
        last_lines(&fs::read_to_string(self.place.join("log")).unwrap_or_default())
    }

    /// A program in the place, as Postgres's user.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.place).stdin(Stdio::null());
        if let Some(account) = &self.account {
            account.run(&mut command);
        }
        command
    }

    /// In a process group of its own, so that a Ctrl-C stops the services first; and without the caller's PG* settings.
    fn run(&self, program: &'static str, arguments: &[&str]) -> Result<(), PostgresError> {
        let mut command = self.command(&self.binaries().join(program));
        command.args(arguments).process_group(0);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", LOCALE);
        let output = command.output().map_err(io_error(&self.place, "Postgres cannot be run here"))?;
        if output.status.success() { Ok(()) } else { Err(PostgresError::Failed { program, said: said(&output) }) }
    }
}

/// Free when asked for; another process may take it before it is used.
pub fn free_port() -> Result<u16, PostgresError> {
    let probe = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    Ok(probe.map_err(io_error(Path::new("127.0.0.1"), "no port is free"))?.port())
}

pub fn io_error(path: &Path, what: &'static str) -> impl Fn(io::Error) -> PostgresError {
    move |source| PostgresError::Io { path: path.to_owned(), what, source }
}

fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    last_lines(&String::from_utf8_lossy(&text))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(SAID_LINES_MAX)..].join("\n")
}
