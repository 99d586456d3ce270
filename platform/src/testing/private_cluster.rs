//! A Postgres of this process alone, in a temporary directory, stopped and removed when the process ends.
//!
//! A watchdog shell holds the other end of a pipe: when the pipe closes, by a drop, an exit or a kill -9, it stops the
//! server. How Postgres is found and run is [`crate::private_postgres`]'s.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnectOptions;

use crate::private_postgres::{Account, Durability, LogIn, SUPERUSER, Stop, Tools, free_port, make_place};

/// Tests lose nothing that matters in a power cut, so they need not wait for the disk.
pub(super) const FAST: &str =
    "-c fsync=off -c full_page_writes=off -c max_connections=300 -c listen_addresses=127.0.0.1";

pub struct PrivateCluster {
    tools: Tools,
    port: u16,
    settings: &'static str,
    watchdog: Child,
    /// Open for as long as the server is wanted.
    lifeline: Option<ChildStdin>,
}

impl PrivateCluster {
    pub fn start() -> Self {
        Self::start_with(FAST)
    }

    /// With other settings, as options of `postgres`.
    pub fn start_with(settings: &'static str) -> Self {
        Self::prepared(settings, |_| {})
    }

    /// With files in its place (or its `data`) that must be there before it starts; whoever writes them by
    /// [`Tools::write`] gives them to its user.
    pub fn prepared(settings: &'static str, prepare: impl FnOnce(&Tools)) -> Self {
        Self::made(settings, |tools| {
            tools.initdb("data", LogIn::Trust, Durability::Nothing).expect("initdb makes the data");
            prepare(tools);
        })
    }

    /// A hot standby of this server, streaming from it through a slot of its own.
    pub fn standby(&self) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let slot = format!("standby_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Self::made(self.settings, |tools| tools.follow("data", self.port, &slot).expect("a base backup can be taken"))
    }

    fn made(settings: &'static str, make: impl FnOnce(&Tools)) -> Self {
        let account = Account::for_postgres().expect("there is a user for Postgres");
        let directory = make_directory(account.as_ref());
        let tools = Tools::find(directory, account)
            .expect("Postgres is installed (Debian: apt-get install postgresql), or SECURENET_TEST_POSTGRES names one");
        let mut watchdog = watch(&tools);
        let port = free_port().expect("a port is free");
        let cluster = Self { lifeline: watchdog.stdin.take(), port, settings, tools, watchdog };
        make(&cluster.tools);
        cluster.resume();
        cluster
    }

    /// As the superuser, at the maintenance database.
    pub fn admin(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username(SUPERUSER)
            .password("postgres")
            .database("postgres")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Everything the server wrote, its log among it.
    pub fn directory(&self) -> PathBuf {
        self.tools.place().to_owned()
    }

    /// Starts the server again on the same port and data.
    pub fn resume(&self) {
        let settings = format!("{} -k {}", self.settings, self.tools.place().display());
        self.tools.start(&settings, self.port).unwrap_or_else(|error| panic!("{error}\n{}", self.tools.said()));
    }

    /// Ends it as a crash would, without a checkpoint.
    pub fn crash(&self) {
        self.tools.stop(Stop::Immediate).expect("a server runs");
    }

    /// Ends it as an administrator would, sessions included.
    pub fn stop(&self) {
        self.tools.stop(Stop::Fast).expect("a server runs");
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        self.watchdog.wait().ok(); // so that its directory is gone when the test says it is
    }
}

/// In a process group of its own, so that a Ctrl-C meant for the test leaves it time to clean up.
fn watch(tools: &Tools) -> Child {
    // Again and again for a while: a test killed in its first second leaves an initdb or a server that is just starting.
    let script = r#"cat >/dev/null; cd /
        for attempt in 1 2 3 4 5 6 7 8 9 10; do
            "$1/pg_ctl" stop -w -s -m immediate -D "$2/data"
            rm -rf "$2"
            [ -e "$2" ] || exit 0
            sleep 1
        done"#;
    tools
        .command(Path::new("/bin/sh"))
        .args(["-c", script, "watchdog"])
        .arg(tools.binaries())
        .arg(tools.place())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a shell can be run")
}

fn make_directory(account: Option<&Account>) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("securenet-pg-{}-{count}", std::process::id()));
    fs::remove_dir_all(&directory).ok(); // of an earlier process with our id
    make_place(&directory, account).expect("a temporary directory can be made");
    directory
}
