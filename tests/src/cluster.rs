//! A running server's Postgres, behind the server's back: its superuser, its postmaster, and a gate before its commits.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection};

use crate::eventually::until;
use crate::server::Server;

/// How a superuser reaches the server's database. A restart of the server moves it, so this is asked again after one.
pub fn superuser(server: &Server) -> PgConnectOptions {
    PgConnectOptions::from_str(&server.postgres_url("postgres")).expect("a URL of ours")
}

pub async fn superuser_pool(server: &Server) -> PgPool {
    PgPoolOptions::new().max_connections(4).connect_with(superuser(server)).await.expect("Postgres answers")
}

/// The postmaster of a running server, for whoever wants to end it and start it again with the options it had.
pub struct Postmaster {
    pg_ctl: PathBuf,
    data: PathBuf,
    environment: Vec<(&'static str, PathBuf)>,
}

impl Postmaster {
    pub fn of(server: &Server) -> Self {
        let process = Path::new("/proc").join(server.postgres_pid().to_string());
        let data = process.join("cwd").read_link().expect("a postmaster works in its data");
        let program = process.join("exe").read_link().expect("a postmaster is a program");
        Self { pg_ctl: program.with_file_name("pg_ctl"), data, environment: vec![] }
    }

    /// What it is given from its next start on.
    pub fn with_environment(&mut self, environment: impl IntoIterator<Item = (&'static str, PathBuf)>) {
        self.environment = environment.into_iter().collect();
    }

    /// Whether it is there and has not given up.
    pub fn runs(&self) -> bool {
        let noted = std::fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        let pid = noted.lines().next().unwrap_or_default();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        !status.is_empty() && !status.lines().any(|line| line.starts_with("State:\tZ"))
    }

    /// `mode` is pg_ctl's: "immediate" is a crash, "fast" ends every session first.
    pub async fn stop(&self, mode: &str) {
        self.pg_ctl(&["stop", "-w", "-m", mode]).await;
    }

    /// With the options of its last start.
    pub async fn start(&self) {
        self.start_with("").await;
    }

    /// The same and more, from now on.
    pub async fn start_with(&self, more: &str) {
        let kept = std::fs::read_to_string(self.data.join("postmaster.opts"));
        let kept = kept.expect("a postmaster notes its options");
        let options = kept.trim().split_once(' ').map(|(_, options)| options).unwrap_or_default();
        self.pg_ctl(&["start", "-w", "-l", "log", "-o", &format!("{options} {more}")]).await;
    }

    async fn pg_ctl(&self, arguments: &[&str]) {
        let place = self.data.parent().expect("data lie in a directory");
        let owner = std::fs::metadata(&self.data).expect("data are there");
        let mut command = Command::new(&self.pg_ctl);
        command.args(arguments).arg("-D").arg(&self.data).current_dir(place);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() != owner.uid()) {
            command.uid(owner.uid()).gid(owner.gid());
        }
        let ran = tokio::task::spawn_blocking(move || command.status()).await.expect("pg_ctl is waited for");
        assert!(ran.expect("pg_ctl can be run").success(), "pg_ctl {arguments:?}");
    }
}

/// A trigger that fires when the transaction commits, and waits there for whoever holds the lock of its partition.
macro_rules! gate_before {
    ($class:literal, $table:literal) => {
        concat!(
            "CREATE OR REPLACE FUNCTION public.pass_gate_",
            $class,
            "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 PERFORM pg_advisory_xact_lock_shared(",
            $class,
            ", NEW.partition); RETURN NULL;
             END $$;
             DROP TRIGGER IF EXISTS gate ON ",
            $table,
            ";
             CREATE CONSTRAINT TRIGGER gate AFTER UPDATE ON ",
            $table,
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.pass_gate_",
            $class,
            "()"
        )
    };
}

/// What passes a gate.
#[derive(Debug, Clone, Copy)]
pub enum Passing {
    /// Transactions that append.
    Appends,
    /// Transactions that project.
    Projections,
}

/// Holds transactions at their commit: everything is written and every lock is taken, and nobody else sees any of it.
/// There a crash, a stall and a lost connection hurt most.
pub struct Gate {
    keeper: PgConnection,
    class: i32,
}

impl Gate {
    /// Built into the database for good, and open. A gate outlives its keeper's connection, not its closing.
    pub async fn build(superuser: &PgConnectOptions, passing: Passing) -> Self {
        let (class, trigger) = match passing {
            Passing::Appends => (1, gate_before!("1", "store.partition_head")),
            Passing::Projections => (2, gate_before!("2", "read.checkpoints")),
        };
        let mut keeper = PgConnection::connect_with(superuser).await.expect("a superuser may come in");
        sqlx::raw_sql(trigger).execute(&mut keeper).await.expect("a superuser may build a trigger");
        Self { keeper, class }
    }

    /// Nothing of this partition commits from here on.
    pub async fn close(&mut self, partition: i16) {
        self.lock("SELECT pg_advisory_lock($1, $2)", partition).await;
    }

    pub async fn open(&mut self, partition: i16) {
        self.lock("SELECT pg_advisory_unlock($1, $2)", partition).await;
    }

    /// Waits until a transaction stands before the closed gate, and names its backend.
    pub async fn caught(&mut self, partition: i16) -> u32 {
        let class = self.class;
        let keeper = tokio::sync::Mutex::new(&mut self.keeper);
        let pid = until("a transaction before the gate", async || {
            let waiting = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                 AND classid::bigint = $1 AND objid::bigint = $2 LIMIT 1";
            let query = sqlx::query_scalar::<_, i32>(waiting).bind(i64::from(class)).bind(i64::from(partition));
            query.fetch_optional(&mut **keeper.lock().await).await.expect("locks can be seen")
        })
        .await;
        u32::try_from(pid).expect("a pid is no negative number")
    }

    async fn lock(&mut self, sql: &'static str, partition: i16) {
        let query = sqlx::query(sql).bind(self.class).bind(i32::from(partition));
        query.execute(&mut self.keeper).await.expect("the gate can be moved");
    }
}
