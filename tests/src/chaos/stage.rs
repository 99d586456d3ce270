//! A running SecureNet where faults strike: it knows which processes there are and how each comes back.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::Connection;

use crate::chaos::disk::Disks;
use crate::chaos::fault::{Fault, Milliseconds, Victim};
use crate::chaos::proxy::Proxy;
use crate::chaos::tell;
use crate::cluster::{Postmaster, superuser};
use crate::eventually::until;
use crate::server::{Role, Server, Shape, find, signal};

/// The processes of the full shape; in the plain one there is a single process, whatever it is called.
const FULL: [Victim; 8] = [
    (Role::CommandApi, 0),
    (Role::QueryApi, 0),
    (Role::Relay, 0),
    (Role::Projector, 0),
    (Role::Projector, 1),
    (Role::Nginx, 0),
    (Role::Redis, 0),
    (Role::Kafka, 0),
];

/// Of each log, when a run has failed.
const FAILURES_SHOWN_MAX: usize = 30;
/// A few senders who never pause are no flood here.
const WITHOUT_LIMITS: [(&str, &str); 5] = [
    ("SECURENET_RATE_LIMIT_ADDRESS", "off"),
    ("SECURENET_RATE_LIMIT_LOG_IN", "off"),
    ("SECURENET_RATE_LIMIT_USER", "off"),
    ("SECURENET_RATE_LIMIT_KEY", "off"),
    ("SECURENET_RATE_LIMIT_ORGANIZATION", "off"),
];

pub struct Stage {
    server: Server,
    postmaster: Postmaster,
    disks: Disks,
    to_postgres: Proxy,
    to_kafka: Proxy,
}

impl Stage {
    /// Every service reaches Postgres through a proxy, and every file is on a disk that can run full.
    pub async fn open(shape: Shape) -> Self {
        let mut server = Server::prepare(shape);
        let disks = Disks::of(server.root());
        let to_postgres = Proxy::start(postgres_of(&server));
        let to_kafka = Proxy::start(kafka_of(&server));
        let environment = disks.environment();
        let environment =
            environment.each_ref().map(|(name, path)| (*name, path.to_str().expect("our paths are text")));
        let environment = [environment.as_slice(), &WITHOUT_LIMITS].concat();
        let (postgres, kafka) = (to_postgres.port().to_string(), to_kafka.port().to_string());
        server.configure(&environment, &["--postgres-via", &postgres, "--kafka-via", &kafka]);
        server.restart().await;
        let mut postmaster = Postmaster::of(&server);
        postmaster.with_environment(disks.environment());
        let mut stage = Self { server, postmaster, disks, to_postgres, to_kafka };
        stage.give_postgres_its_disk().await;
        stage.settle().await;
        stage
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Where Kafka is, for whoever is not one of the services.
    pub fn kafka(&self) -> String {
        format!("127.0.0.1:{}", self.to_kafka.port())
    }

    /// What can be killed and stopped.
    pub fn victims(&self) -> Vec<Victim> {
        match self.server.shape() {
            Shape::Plain => vec![(Role::CommandApi, 0)],
            Shape::Full => FULL.to_vec(),
        }
    }

    /// Returns once what was to be undone is undone. Whether the system has recovered, the load will tell.
    pub async fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::Kill((role, number)) => self.kill(role, number).await,
            Fault::KillAll => self.kill_all().await,
            Fault::Stop((role, number), time) => stopped(self.server.maybe_pid_of(role, number), time).await,
            Fault::PostgresCrash => self.restart_postgres("immediate", 0).await,
            Fault::PostgresRestart => self.restart_postgres("fast", 0).await,
            Fault::PostgresAway(time) => self.restart_postgres("immediate", time).await,
            Fault::BackendStopped(role, time) => stopped(self.a_backend(role).await, time).await,
            Fault::PostgresDiskFull(time) => self.fill_disk("postgres", time).await,
            Fault::KafkaDiskFull(time) => self.fill_disk("kafka", time).await,
            Fault::RedisFlushed => self.flush_redis(),
            Fault::PostgresCutOff(time) => cut_off(&self.to_postgres, time).await,
            Fault::KafkaCutOff(time) => cut_off(&self.to_kafka, time).await,
        }
    }

    /// Everything runs and is ready, and nothing more will strike.
    pub async fn settle(&mut self) {
        self.server.restart().await;
    }

    async fn kill(&mut self, role: Role, number: usize) {
        if self.server.maybe_pid_of(role, number).is_none() {
            return; // of the last fault, and not started again yet
        }
        let pid = self.server.kill_9_of(role, number);
        if self.server.shape() == Shape::Plain {
            self.server.until_replaced(role, number, pid).await;
            self.give_postgres_its_disk().await;
        }
    }

    async fn kill_all(&mut self) {
        self.settle().await; // who is not there cannot be killed
        self.server.kill_9();
    }

    /// `up` starts Postgres, and takes over an orphaned one, with none of our environment.
    async fn give_postgres_its_disk(&self) {
        self.postmaster.stop("fast").await;
        self.postmaster.start().await;
    }

    /// It may be away, and then has nothing to forget.
    fn flush_redis(&self) {
        let address = self.server.address_of(Role::Redis, 0);
        let Ok(mut redis) = TcpStream::connect(address) else { return };
        redis.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out can be set");
        let mut said = [0; 5];
        let told = redis.write_all(b"FLUSHALL\r\n").and_then(|()| redis.read_exact(&mut said));
        assert!(told.is_err() || &said == b"+OK\r\n", "Redis says {}", String::from_utf8_lossy(&said));
    }

    async fn restart_postgres(&self, mode: &str, away: Milliseconds) {
        self.postmaster.stop(mode).await;
        pass(away).await;
        self.postmaster.start().await;
    }

    /// One that is at work, or any.
    async fn a_backend(&self, role: &str) -> Option<u32> {
        let Ok(mut admin) = sqlx::PgConnection::connect_with(&superuser(&self.server)).await else { return None };
        let newest =
            "SELECT pid FROM pg_stat_activity WHERE usename = $1 ORDER BY state <> 'active', state_change DESC LIMIT 1";
        let pid: Option<i32> =
            sqlx::query_scalar(newest).bind(role).fetch_optional(&mut admin).await.unwrap_or_default();
        pid.map(|pid| u32::try_from(pid).expect("a pid is no negative number"))
    }

    /// Full until somebody has noticed, which takes longer where the last fault ended the server: then it fills its disk
    /// when it starts. Where Postgres could not write what it must, it has ended itself, and somebody starts it.
    async fn fill_disk(&self, name: &str, time: Milliseconds) {
        let before = self.disks.refused(name);
        self.disks.fill(name);
        pass(time).await;
        until("a write is refused", async || (self.disks.refused(name) > before).then_some(())).await;
        self.disks.free(name);
        if name == "postgres" && !self.postmaster.runs() {
            self.postmaster.start().await;
        }
    }
}

impl Drop for Stage {
    /// A failure of a server says what it was in its log alone, which goes with the server.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let logs = std::fs::read_dir(self.server.directory().join("logs")).into_iter().flatten().flatten();
        let logs = logs.map(|entry| entry.path()).chain([self.server.root().join("log")]);
        for log in logs {
            let text = std::fs::read(&log).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let failures: Vec<&str> = text.lines().filter(|line| line.contains("ERROR")).collect();
            let last = failures.len().saturating_sub(FAILURES_SHOWN_MAX);
            failures[last..].iter().for_each(|line| tell(&format!("{}: {line}", log.display())));
        }
    }
}

/// Where a server's Postgres listens at the moment, if it does.
fn postgres_of(server: &Server) -> Arc<dyn Fn() -> Option<u16> + Send + Sync> {
    let (directory, file) = (server.directory(), OnceLock::<PathBuf>::new());
    Arc::new(move || {
        let file = match file.get() {
            Some(known) => known,
            None => {
                let found = find(&directory, "postmaster.pid")?;
                file.get_or_init(|| found)
            }
        };
        std::fs::read_to_string(file).ok()?.lines().nth(3)?.trim().parse().ok()
    })
}

/// The broker's own port, which its clients are not told.
fn kafka_of(server: &Server) -> Arc<dyn Fn() -> Option<u16> + Send + Sync> {
    let file = server.directory().join("kafka/port");
    Arc::new(move || std::fs::read_to_string(&file).ok()?.trim().parse().ok())
}

async fn cut_off(proxy: &Proxy, time: Milliseconds) {
    proxy.cut();
    pass(time).await;
    proxy.mend();
}

/// Those who are gone in the meantime need no waking.
async fn stopped(pid: Option<u32>, time: Milliseconds) {
    let Some(pid) = pid else { return };
    signal_if_there("STOP", pid);
    pass(time).await;
    signal_if_there("CONT", pid);
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
