//! A running SecureNet where faults strike: it knows which processes there are and how each comes back.

use std::time::Duration;

use reqwest::Method;
use sqlx::Connection;

use crate::callers::try_send;
use crate::chaos::disk::Disks;
use crate::chaos::fault::{Fault, Milliseconds, Role};
use crate::cluster::{Postmaster, superuser};
use crate::eventually::until;
use crate::server::{Server, signal};

/// The one process of the embedded shape.
const WHOLE: Role = "securenet";

pub struct Stage {
    server: Server,
    postmaster: Postmaster,
    disks: Disks,
}

impl Stage {
    /// One process, one Postgres.
    pub async fn embedded() -> Self {
        let server = Server::start_private().await;
        let disks = Disks::of(server.root());
        let mut postmaster = Postmaster::of(&server);
        postmaster.with_environment(disks.environment());
        // Started again by ourselves, so that its disk can run full.
        postmaster.stop("fast").await;
        postmaster.start().await;
        let stage = Self { server, postmaster, disks };
        stage.until_ready().await;
        stage
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    pub fn disks(&self) -> &Disks {
        &self.disks
    }

    pub fn roles(&self) -> Vec<Role> {
        vec![WHOLE]
    }

    /// Whether there is a Kafka, a Redis, and a process for each service.
    pub fn is_full(&self) -> bool {
        false
    }

    pub fn has_proxies(&self) -> bool {
        false
    }

    /// Returns once what was to be undone is undone. Whether the system has recovered, the load will tell.
    pub async fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::Kill(role) => self.kill(role).await,
            Fault::Stop(role, time) => stopped(&[self.pid(role)], time).await,
            Fault::PostgresCrash => self.restart_postgres("immediate", 0).await,
            Fault::PostgresRestart => self.restart_postgres("fast", 0).await,
            Fault::PostgresAway(time) => self.restart_postgres("immediate", time).await,
            Fault::BackendStopped(role, time) => stopped(&self.a_backend(role).await, time).await,
            Fault::PostgresDiskFull(time) => self.fill_disk("postgres", time).await,
            Fault::KafkaDiskFull(time) => self.fill_disk("kafka", time).await,
            Fault::RedisFlushed | Fault::PostgresCutOff(_) | Fault::KafkaCutOff(_) => {
                unreachable!("this stage has no Redis, no Kafka and no proxies")
            }
        }
    }

    /// Everything runs, and nothing more will strike.
    pub async fn settle(&self) {
        self.until_ready().await;
    }

    async fn kill(&mut self, role: Role) {
        assert_eq!(role, WHOLE);
        self.server.kill_9();
        self.server.restart().await;
        // It takes an orphaned Postgres over by starting it again, without a disk that can run full.
        self.postmaster.stop("fast").await;
        self.postmaster.start().await;
    }

    fn pid(&self, role: Role) -> u32 {
        assert_eq!(role, WHOLE);
        self.server.pid()
    }

    async fn restart_postgres(&self, mode: &str, away: Milliseconds) {
        self.postmaster.stop(mode).await;
        pass(away).await;
        self.postmaster.start().await;
    }

    /// One that is at work, or any.
    async fn a_backend(&self, role: Role) -> Vec<u32> {
        let Ok(mut admin) = sqlx::PgConnection::connect_with(&superuser(&self.server)).await else { return vec![] };
        let newest =
            "SELECT pid FROM pg_stat_activity WHERE usename = $1 ORDER BY state <> 'active', state_change DESC LIMIT 1";
        let pid: Option<i32> =
            sqlx::query_scalar(newest).bind(role).fetch_optional(&mut admin).await.unwrap_or_default();
        pid.into_iter().map(|pid| u32::try_from(pid).expect("a pid is no negative number")).collect()
    }

    /// Where Postgres could not write what it must, it has ended itself; then somebody starts it.
    async fn fill_disk(&self, name: &str, time: Milliseconds) {
        self.disks.fill(name);
        pass(time).await;
        self.disks.free(name);
        if name == "postgres" && !self.postmaster.runs() {
            self.postmaster.start().await;
        }
    }

    async fn until_ready(&self) {
        let client = self.server.client();
        until("the system is ready again", async || {
            let answer = try_send(client.request(Method::GET, "/health/ready")).await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
    }
}

/// Those who are gone in the meantime need no waking.
async fn stopped(pids: &[u32], time: Milliseconds) {
    pids.iter().for_each(|pid| signal_if_there("STOP", *pid));
    pass(time).await;
    pids.iter().for_each(|pid| signal_if_there("CONT", *pid));
}

fn signal_if_there(name: &str, pid: u32) {
    if std::path::Path::new("/proc").join(pid.to_string()).exists() {
        signal(name, pid);
    }
}

/// The one place where time itself is waited for: a fault lasts.
async fn pass(time: Milliseconds) {
    tokio::time::sleep(Duration::from_millis(time)).await;
}
