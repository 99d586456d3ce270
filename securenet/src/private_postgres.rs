//! A Postgres of this deployment alone: made, started and stopped with it, and reached only from this machine.
//!
//! Postgres refuses to run as root, so root hands it to `postgres` or `nobody`, and its data goes where that user may
//! read. What an earlier run left behind after a kill -9 is recognized and stopped first. It knows no schema.

mod place;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use platform::env::Secret;
use platform::private_postgres::{
    Account, Durability, LogIn, PostgresError, SUPERUSER, Stop, Tools, free_port, io_error,
};
use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;

/// Another process may take the free port between the question and the start.
const START_ATTEMPTS: u32 = 3;
/// For one machine that does other things, too. No replication, so the log need not carry what replicas want.
const LAPTOP: &str = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 \
     -c shared_buffers=256MB -c max_wal_size=2GB -c checkpoint_timeout=15min -c wal_level=minimal \
     -c max_wal_senders=0 -c jit=off -c log_min_messages=warning";
/// Tests lose nothing that matters in a power cut, so they need not wait for the disk; and many run at once.
const TESTS: &str = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 \
     -c shared_buffers=256MB -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c jit=off \
     -c log_min_messages=warning";

/// What the server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Survives crashes and is kept from run to run.
    Deployment,
    /// Fast, forgetful, and made anew each time.
    Tests,
}

/// A running server. Whoever started it stops it; a crash leaves it to the next start.
pub(crate) struct PrivatePostgres {
    /// Its place holds `data`, `log` and `cluster`.
    tools: Tools,
    purpose: Purpose,
    port: u16,
    password: Secret,
}

impl PrivatePostgres {
    /// Under `home`, or elsewhere when its user cannot get there. `say` tells a person what is going on.
    pub(crate) fn start(
        home: &Path,
        password: &Secret,
        purpose: Purpose,
        say: impl Fn(&str),
    ) -> Result<Self, PostgresError> {
        let account = Account::for_postgres()?;
        let place = place::find(home, account.as_ref(), &say)?;
        let tools = Tools::find(place, account)?;
        let mut server = Self { tools, purpose, port: 0, password: password.clone() };
        server.stop_what_was_left(&say)?;
        server.make_data(&say)?;
        server.start_somewhere(&say)?;
        Ok(server)
    }

    /// As the superuser, at the maintenance database.
    pub(crate) fn admin(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username(SUPERUSER)
            .password(self.password.expose())
            .database("postgres")
    }

    /// How a role reaches a database. Passwords of ours need no escaping.
    pub(crate) fn url(&self, role: &str, password: &Secret, database: &str) -> Secret {
        Secret::new(format!("postgres://{role}:{}@127.0.0.1:{}/{database}", password.expose(), self.port))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where the server notes its pid for as long as it runs.
    pub(crate) fn pid_file(&self) -> PathBuf {
        self.tools.data().join("postmaster.pid")
    }

    pub(crate) fn superuser_url(&self) -> Secret {
        self.url(SUPERUSER, &self.password, "postgres")
    }

    /// Ends sessions that are still open, and waits until everything is on disk.
    pub(crate) fn stop(self) -> Result<(), PostgresError> {
        self.tools.stop(Stop::Fast)
    }

    /// A postmaster that nobody waits for any more, or only the traces of one.
    fn stop_what_was_left(&self, say: &impl Fn(&str)) -> Result<(), PostgresError> {
        let data = self.tools.data();
        let pid_file = data.join("postmaster.pid");
        let Ok(text) = fs::read_to_string(&pid_file) else { return Ok(()) };
        let pid = text.lines().next().unwrap_or_default();
        if !runs_in(pid, &data) {
            // Its number may be another process's by now, which would keep ours from starting.
            return fs::remove_file(&pid_file).map_err(io_error(&pid_file, "cannot be removed"));
        }
        say("an earlier run left its Postgres behind; stopping it");
        self.tools.stop(Stop::Fast).or_else(|_| self.tools.stop(Stop::Immediate))
    }

    /// Where it is missing, or not of this deployment.
    fn make_data(&self, say: &impl Fn(&str)) -> Result<(), PostgresError> {
        let (place, data) = (self.tools.place(), self.tools.data());
        let mark = place.join("cluster");
        let ours = hash(self.password.expose());
        let same = fs::read_to_string(&mark).is_ok_and(|kept| kept == ours);
        if data.is_dir() && same && self.purpose == Purpose::Deployment {
            return Ok(());
        }
        if data.is_dir() && self.purpose == Purpose::Deployment {
            say("the data found belongs to a deployment whose keys are gone; beginning anew");
        }
        remove(&data)?;
        remove_drafts(place)?;
        let draft = format!("data.{}", std::process::id());
        let durability = match self.purpose {
            Purpose::Deployment => Durability::PowerCut,
            Purpose::Tests => Durability::Nothing,
        };
        self.tools.initdb(&draft, LogIn::Password(&self.password), durability)?;
        self.tools.write(&mark, &ours)?;
        // Only now is it complete: what a crash leaves before is made again.
        fs::rename(place.join(draft), &data).map_err(io_error(&data, "cannot be put in place"))
    }

    fn start_somewhere(&mut self, say: &impl Fn(&str)) -> Result<(), PostgresError> {
        let settings = match self.purpose {
            Purpose::Deployment => LAPTOP,
            Purpose::Tests => TESTS,
        };
        let log = self.tools.place().join("log");
        fs::rename(&log, self.tools.place().join("log.before")).ok(); // the first time there is none
        let mut attempt = 1;
        loop {
            self.port = free_port()?;
            match self.tools.start(settings, self.port) {
                Ok(()) => return Ok(()),
                Err(_) if attempt < START_ATTEMPTS => {
                    attempt += 1;
                    // One that was only starting when we looked is there by now.
                    self.stop_what_was_left(say)?;
                }
                Err(_) => return Err(PostgresError::Failed { program: "Postgres", said: self.tools.said() }),
            }
        }
    }
}

/// A postmaster's working directory is its data. Where the system does not tell, `pg_ctl` has to judge by the number.
fn runs_in(pid: &str, data: &Path) -> bool {
    if !Path::new("/proc/self").exists() {
        return true;
    }
    let at = fs::read_link(Path::new("/proc").join(pid).join("cwd")).ok();
    at.is_some_and(|at| fs::canonicalize(data).is_ok_and(|data| data == at))
}

fn remove(directory: &Path) -> Result<(), PostgresError> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(directory, "cannot be removed")(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// An initdb whose parent was killed may still be writing; what cannot be removed now is so the next time.
fn remove_drafts(place: &Path) -> Result<(), PostgresError> {
    let entries = fs::read_dir(place).map_err(io_error(place, "cannot be read"))?;
    let drafts = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("data."));
    drafts.for_each(|draft| drop(fs::remove_dir_all(draft.path())));
    Ok(())
}

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
