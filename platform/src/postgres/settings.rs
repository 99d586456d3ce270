//! How this deployment reaches its Postgres: what is in between, how a server proves itself, how many connections.
//!
//! Addresses and passwords stand in the URLs, one for each role. Nothing here connects.

use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::{Class, Pool, Pooler, connect_lazily};
use crate::env::{Env, Environment, Secret};

const CONNECTIONS_DEFAULT: u32 = 16;
const CONNECTIONS_MAX: u32 = 200;
/// A projector works with one connection a projection that it applies, and some for looking and refilling.
const PROJECTOR_CONNECTIONS_DEFAULT: u32 = 16;
/// The relay reads 64 heads with one and tails with the others.
const RELAY_CONNECTIONS_DEFAULT: u32 = 4;

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
}

impl Settings {
    pub fn from_env(env: &Env) -> Self {
        let ca = env.optional("SECURENET_POSTGRES_CA_FILE").map(PathBuf::from);
        if let Some(missing) = ca.as_ref().filter(|path| !path.is_file()) {
            env.fault(format!("SECURENET_POSTGRES_CA_FILE names {}, which is no file", missing.display()));
        }
        let connections = |name, default| env.bounded(name, default, 1..=CONNECTIONS_MAX);
        Self {
            pooler: env.parse("SECURENET_POOLER", Pooler::None),
            ca,
            connections: connections("SECURENET_CONNECTIONS", CONNECTIONS_DEFAULT),
            projector_connections: connections("SECURENET_PROJECTOR_CONNECTIONS", PROJECTOR_CONNECTIONS_DEFAULT),
            relay_connections: connections("SECURENET_RELAY_CONNECTIONS", RELAY_CONNECTIONS_DEFAULT),
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
        let Some(options) = env.check(name, self.options(url)) else { return };
        let guarded = matches!(options.get_ssl_mode(), PgSslMode::VerifyFull | PgSslMode::VerifyCa);
        let here = options.get_socket().is_some() || matches!(options.get_host(), "localhost" | "127.0.0.1" | "::1");
        if env.environment() == Environment::Production && !guarded && !here {
            tracing::warn!(setting = name, "the server behind this URL proves nothing: set SECURENET_POSTGRES_CA_FILE");
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
    pub fn replica(&self, url: &Secret) -> Result<Pool, sqlx::Error> {
        Ok(Pool::new(connect_lazily(self.options(url)?, Class::Replica, self.connections), self.pooler))
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
