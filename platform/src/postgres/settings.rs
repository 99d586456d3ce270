//! How this deployment reaches its Postgres: what is in between, how a server proves itself, how many connections.
//!
//! Addresses and passwords stand in the URLs, one for each role. Nothing here connects.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::replicas::{LAG_MAX_DEFAULT_SECONDS, Limits, Replica};
use super::{Class, Pool, Pooler, connect_lazily};
use crate::env::{Env, Environment, Secret};

const CONNECTIONS_DEFAULT: u32 = 16;
const CONNECTIONS_MAX: u32 = 200;
/// A projector works with one connection a projection that it applies, and some for looking and refilling.
const PROJECTOR_CONNECTIONS_DEFAULT: u32 = 16;
/// The relay reads 64 heads with one and tails with the others.
const RELAY_CONNECTIONS_DEFAULT: u32 = 4;

/// Behind a lag of minutes a list shows nobody what happened.
const REPLICA_LAG_MAX_SECONDS: u64 = 60;
const REPLICAS_MAX: usize = 16;

/// What holds for every connection of this process.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `SECURENET_POOLER`: `none` or `transaction`. Commands' reads and queries go through it; appenders, the relay, the
    /// projector and migrations never do, whatever it says.
    pub pooler: Pooler,
    /// `SECURENET_POSTGRES_CA_FILE`: whoever signs the server's certificate. With it every connection is encrypted and
    /// the server must prove its name, whatever the URL says; without it the URL's `sslmode` holds.
    pub ca: Option<PathBuf>,
    /// `SECURENET_CONNECTIONS`: at most so many for the commands' reads, and so many for queries, in one process.
    pub connections: u32,
    /// `SECURENET_PROJECTOR_CONNECTIONS`
    pub projector_connections: u32,
    /// `SECURENET_RELAY_CONNECTIONS`
    pub relay_connections: u32,
    /// `SECURENET_READER_REPLICA_URLS` (or `…_FILE`): standbys that may answer queries, in the role `reader`, parted by
    /// white space. Each names one server: what one has replayed says nothing about another.
    pub replicas: Vec<Secret>,
    /// `SECURENET_REPLICA_LAG_MAX_SECONDS`: a standby further behind than this answers nobody.
    pub replica_limits: Limits,
}

impl Settings {
    pub fn from_env(env: &Env) -> Self {
        let ca = env.optional("SECURENET_POSTGRES_CA_FILE").map(PathBuf::from);
        if let Some(missing) = ca.as_ref().filter(|path| !path.is_file()) {
            env.fault(format!("SECURENET_POSTGRES_CA_FILE names {}, which is no file", missing.display()));
        }
        let lag_max =
            env.bounded("SECURENET_REPLICA_LAG_MAX_SECONDS", LAG_MAX_DEFAULT_SECONDS, 1..=REPLICA_LAG_MAX_SECONDS);
        let connections = |name, default| env.bounded(name, default, 1..=CONNECTIONS_MAX);
        Self {
            pooler: env.parse("SECURENET_POOLER", Pooler::None),
            ca,
            connections: connections("SECURENET_CONNECTIONS", CONNECTIONS_DEFAULT),
            projector_connections: connections("SECURENET_PROJECTOR_CONNECTIONS", PROJECTOR_CONNECTIONS_DEFAULT),
            relay_connections: connections("SECURENET_RELAY_CONNECTIONS", RELAY_CONNECTIONS_DEFAULT),
            replicas: replica_urls(env),
            replica_limits: Limits { lag_max: Duration::from_secs(lag_max), ..Limits::default() },
        }
    }

    /// A URL's address and log-in with our rules for TLS. What is direct by its nature starts from here.
    pub fn options(&self, url: &Secret) -> Result<PgConnectOptions, sqlx::Error> {
        let options = PgConnectOptions::from_str(url.expose())?;
        Ok(match &self.ca {
            Some(ca) => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(ca),
            None => options,
        })
    }

    /// Notes a URL that cannot be read, and says which would send passwords and rows in the clear across a network.
    pub fn check(&self, env: &Env, name: &str, url: &Secret) {
        let Ok(options) = self.options(url) else {
            env.fault(format!("{name} is no Postgres URL"));
            return;
        };
        let guarded = matches!(options.get_ssl_mode(), PgSslMode::VerifyFull | PgSslMode::VerifyCa);
        let here = options.get_socket().is_some() || matches!(options.get_host(), "localhost" | "127.0.0.1" | "::1");
        if env.environment() == Environment::Production && !guarded && !here {
            tracing::warn!(setting = name, "the server behind this URL proves nothing: set SECURENET_POSTGRES_CA_FILE");
        }
    }

    /// A URL for what never goes through a pooler: the setting's own, or the pooled one where nothing is in between.
    pub fn direct(&self, env: &Env, name: &str, pooled: &Secret) -> Secret {
        match (env.optional_secret(name), self.pooler) {
            (Some(url), _) => {
                self.check(env, name, &url);
                url
            }
            (None, Pooler::None) => pooled.clone(),
            (None, Pooler::Transaction) => {
                env.fault(format!("{name} is not set; behind a pooler it names the server itself"));
                Secret::default()
            }
        }
    }

    /// For command-api: what commands load and look up. Appends have connections of their own.
    pub fn writer(&self, url: &Secret) -> Result<Pool, sqlx::Error> {
        Ok(Pool::new(connect_lazily(self.options(url)?, Class::Writer, self.connections), self.pooler))
    }

    /// For query-api.
    pub fn reader(&self, url: &Secret) -> Result<Pool, sqlx::Error> {
        Ok(Pool::new(connect_lazily(self.options(url)?, Class::Reader, self.connections), self.pooler))
    }

    /// For query-api, at a standby.
    pub fn replica(&self, url: &Secret) -> Result<Replica, sqlx::Error> {
        let pool = connect_lazily(self.options(url)?, Class::Replica, self.connections);
        Ok(Replica::new(Pool::new(pool, self.pooler)))
    }

    pub fn replicas(&self) -> Result<Vec<Replica>, sqlx::Error> {
        self.replicas.iter().map(|url| self.replica(url)).collect()
    }

    /// For the projector, always direct: it names its statements and keeps their plans.
    pub fn projector(&self, url: &Secret) -> Result<sqlx::PgPool, sqlx::Error> {
        Ok(connect_lazily(self.options(url)?, Class::Projector, self.projector_connections))
    }

    /// For the relay, always direct.
    pub fn relay(&self, url: &Secret) -> Result<sqlx::PgPool, sqlx::Error> {
        Ok(connect_lazily(self.options(url)?, Class::Relay, self.relay_connections))
    }
}

fn replica_urls(env: &Env) -> Vec<Secret> {
    let name = "SECURENET_READER_REPLICA_URLS";
    let Some(list) = env.optional_secret(name) else { return vec![] };
    let urls: Vec<_> = list.expose().split_whitespace().map(|url| Secret::new(url.to_owned())).collect();
    if urls.len() > REPLICAS_MAX {
        env.fault(format!("{name} names more than {REPLICAS_MAX} servers"));
    }
    // The reason a URL cannot be read may quote it, password and all; its place in the list is enough.
    for (at, _) in urls.iter().enumerate().filter(|(_, url)| PgConnectOptions::from_str(url.expose()).is_err()) {
        env.fault(format!("{name}: number {} is no Postgres URL", at + 1));
    }
    urls
}
