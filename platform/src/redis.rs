//! Redis, or a Valkey, where there is one: what answers faster while it is there and changes nothing while it is not.
//!
//! Nobody ever waits for it to come back. One task of the process keeps the connection: it connects, follows a
//! Sentinel's or a Cluster's failover, and tries again where that failed. A request uses the connection that stands, for at
//! most [`RESPONSE_MAX_MS`], or is told at once that there is none. It never panics, never delays a start, and nothing in it
//! is the truth.

mod breaker;
mod connect;
mod keeper;
mod metrics;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, cmd};
use tokio::sync::watch;

use breaker::Breaker;
use connect::Link;
pub use metrics::Metrics;
pub use settings::{Mode, NotAMode, Settings};

/// The longest that one command may take. A Redis that needs longer is of no help to a request.
pub const RESPONSE_MAX_MS: u64 = 250;

/// The process's way to Redis. Cheap to clone; the last clone ends the connection.
#[derive(Clone)]
pub struct Redis {
    links: watch::Receiver<Option<Link>>,
    breaker: Arc<Breaker>,
    metrics: Metrics,
    prefix: Arc<str>,
}

/// Why Redis gave no answer. Whoever asked goes on without it.
#[derive(Debug, thiserror::Error)]
pub enum Away {
    #[error("there is no connection to Redis")]
    NotConnected,
    #[error("Redis did not answer within {RESPONSE_MAX_MS} ms")]
    TimedOut,
    #[error("the connection to Redis broke")]
    Lost(#[source] RedisError),
    #[error("Redis refused a command")]
    Refused(#[source] RedisError),
}

/// A script that Redis runs as one step.
#[derive(Debug, Clone)]
pub struct Script {
    text: &'static str,
    sha1: String,
}

impl Redis {
    /// Starts the task that connects; needs a Tokio runtime, which that task and every connection then belong to. Whether
    /// Redis is there is found out later.
    pub fn start(settings: Settings, metrics: Metrics) -> Self {
        let (links, watched) = watch::channel(None);
        let breaker = Arc::new(Breaker::default());
        let prefix = settings.prefix.as_str().into();
        tokio::spawn(keeper::run(settings, links, Arc::clone(&breaker), metrics.clone()));
        Self { links: watched, breaker, metrics, prefix }
    }

    /// What every key of this deployment begins with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Waits until there is a connection, for those who would rather wait than go without.
    pub async fn connected(&self) {
        let mut links = self.links.clone();
        // An error says that the keeper is gone, and with it the process's runtime.
        links.wait_for(Option::is_some).await.ok();
    }

    pub fn is_connected(&self) -> bool {
        self.links.borrow().is_some()
    }

    /// Asks one command.
    pub async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Away> {
        let Some(mut link) = self.links.borrow().clone() else {
            self.metrics.requests.with_label_values(&["away"]).inc();
            return Err(Away::NotConnected);
        };
        let began = Instant::now();
        let asked = tokio::time::timeout(Duration::from_millis(RESPONSE_MAX_MS), link.query(command)).await;
        self.metrics.request_seconds.observe(began.elapsed().as_secs_f64());
        let (outcome, label) = match asked {
            Ok(Ok(answer)) => (Ok(answer), "answered"),
            // The client has a limit of its own, which is the same.
            Ok(Err(error)) if error.is_timeout() => (Err(Away::TimedOut), "timed-out"),
            Ok(Err(error)) if is_lost(&error) => (Err(Away::Lost(error)), "lost"),
            Ok(Err(error)) => (Err(Away::Refused(error)), "refused"),
            Err(_) => (Err(Away::TimedOut), "timed-out"),
        };
        self.metrics.requests.with_label_values(&[label]).inc();
        match &outcome {
            Ok(_) | Err(Away::Refused(_)) => self.breaker.succeeded(),
            Err(Away::TimedOut) => self.breaker.timed_out(link.number),
            Err(Away::Lost(_)) => self.breaker.lost(link.number),
            Err(Away::NotConnected) => {}
        }
        outcome
    }

    /// One field of a hash, if it is there.
    pub async fn field(&self, key: &str, field: &str) -> Result<Option<String>, Away> {
        self.ask(cmd("HGET").arg(key).arg(field)).await
    }

    pub async fn set_field(&self, key: &str, field: &str, value: &str) -> Result<(), Away> {
        self.ask::<i64>(cmd("HSET").arg(key).arg(field).arg(value)).await.map(drop)
    }

    pub async fn forget(&self, key: &str) -> Result<(), Away> {
        self.ask::<i64>(cmd("DEL").arg(key)).await.map(drop)
    }

    /// Two values at once; their keys share a `{tag}`.
    pub async fn both(&self, keys: &[String; 2]) -> Result<[Option<Vec<u8>>; 2], Away> {
        self.ask(cmd("MGET").arg(&keys[..])).await
    }

    pub async fn bytes(&self, key: &str) -> Result<Option<Vec<u8>>, Away> {
        self.ask(cmd("GET").arg(key)).await
    }

    /// For as long as it is worth, and no longer.
    pub async fn keep(&self, key: &str, value: &[u8], life: Duration) -> Result<(), Away> {
        self.ask(cmd("SET").arg(key).arg(value).arg("EX").arg(life.as_secs())).await
    }

    /// Counts up by one, from zero where there is nothing.
    pub async fn raise(&self, key: &str) -> Result<i64, Away> {
        self.ask(cmd("INCR").arg(key)).await
    }

    /// Runs a script; all its keys must share a `{tag}`, so that a Cluster keeps them together.
    pub async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[impl AsRef<[u8]>],
        arguments: &[impl AsRef<[u8]>],
    ) -> Result<T, Away> {
        match self.ask(&script.call("EVALSHA", &script.sha1, keys, arguments)).await {
            // It forgets scripts when it starts again; its text teaches it anew.
            Err(Away::Refused(error)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.ask(&script.call("EVAL", script.text, keys, arguments)).await
            }
            outcome => outcome,
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Script {
    pub fn new(text: &'static str) -> Self {
        Self { text, sha1: ::redis::Script::new(text).get_hash().to_owned() }
    }

    fn call(&self, how: &str, what: &str, keys: &[impl AsRef<[u8]>], arguments: &[impl AsRef<[u8]>]) -> Cmd {
        let mut command = cmd(how);
        command.arg(what).arg(keys.len());
        for part in keys.iter().map(AsRef::as_ref).chain(arguments.iter().map(AsRef::as_ref)) {
            command.arg(part);
        }
        command
    }
}

/// Where a tenant's copy of a read model lies: in braces what keeps all of a tenant's keys together in a Cluster.
pub fn copy_key(prefix: &str, tenant: uuid::Uuid, model: &str) -> String {
    format!("{prefix}copy:{{{tenant}}}:{model}")
}

/// Whether another connection may do better: this one broke, or leads to a server that no longer leads.
fn is_lost(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_unrecoverable_error()
        || matches!(
            error.kind(),
            ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown | ServerErrorKind::BusyLoading)
        )
}
