//! Which Redis, and how to log in to it. Without `SECURENET_REDIS_URL` there is none, and nothing else is read.

use std::fs;
use std::str::FromStr;

use crate::env::{Env, Secret};

const PORT_DEFAULT: u16 = 6379;
const SENTINEL_MASTER_DEFAULT: &str = "mymaster";
const PREFIX_DEFAULT: &str = "securenet:";
const PREFIX_MAX_BYTES: usize = 64;

/// What stands behind the addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Single,
    /// The addresses are Sentinels'; they name the master.
    Sentinel,
    Cluster,
}

/// A way to Redis. Made from the environment, or by a test.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) mode: Mode,
    pub(super) nodes: Vec<Node>,
    pub(super) sentinel_master: String,
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) sentinel_password: Option<Secret>,
    /// A PEM file's contents; without it the system's authorities are trusted.
    pub(super) ca: Option<Vec<u8>>,
    pub(super) prefix: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is neither single, sentinel nor cluster")]
pub struct NotAMode;

impl FromStr for Mode {
    type Err = NotAMode;

    fn from_str(text: &str) -> Result<Self, NotAMode> {
        match text {
            "single" => Ok(Self::Single),
            "sentinel" => Ok(Self::Sentinel),
            "cluster" => Ok(Self::Cluster),
            _ => Err(NotAMode),
        }
    }
}

impl Settings {
    /// | variable | is |
    /// |---|---|
    /// | `SECURENET_REDIS_URL` | `redis://host:port` or `rediss://…` (TLS), several separated by commas; unset: no Redis |
    /// | `SECURENET_REDIS_MODE` | `single` (default), `sentinel` (the addresses are Sentinels') or `cluster` |
    /// | `SECURENET_REDIS_SENTINEL_MASTER` | the name Sentinels know the master by; default `mymaster` |
    /// | `SECURENET_REDIS_USERNAME`, `SECURENET_REDIS_PASSWORD` (`_FILE`) | the log-in to Redis |
    /// | `SECURENET_REDIS_SENTINEL_PASSWORD` (`_FILE`) | the log-in to the Sentinels |
    /// | `SECURENET_REDIS_CA_FILE` | PEM of the authority that signs Redis's certificate; default the system's |
    /// | `SECURENET_REDIS_PREFIX` | what every key begins with; default `securenet:` |
    pub fn from_env(env: &Env) -> Option<Self> {
        let urls = env.optional("SECURENET_REDIS_URL")?;
        let mode = env.parse("SECURENET_REDIS_MODE", Mode::Single);
        let nodes = urls.split(',').map(str::trim).filter(|url| !url.is_empty());
        let nodes: Vec<Node> = nodes.filter_map(|url| env.check("SECURENET_REDIS_URL", node(url))).collect();
        if mode == Mode::Single && nodes.len() > 1 {
            env.fault("SECURENET_REDIS_URL names several servers, which only sentinel and cluster have");
        }
        let prefix = env.optional("SECURENET_REDIS_PREFIX").unwrap_or_else(|| PREFIX_DEFAULT.to_owned());
        if prefix.len() > PREFIX_MAX_BYTES || prefix.contains(['{', '}']) {
            env.fault(format!("SECURENET_REDIS_PREFIX has at most {PREFIX_MAX_BYTES} bytes and no braces"));
        }
        let ca = env.optional("SECURENET_REDIS_CA_FILE");
        Some(Self {
            mode,
            nodes,
            sentinel_master: env
                .optional("SECURENET_REDIS_SENTINEL_MASTER")
                .unwrap_or_else(|| SENTINEL_MASTER_DEFAULT.to_owned()),
            username: env.optional("SECURENET_REDIS_USERNAME"),
            password: env.optional_secret("SECURENET_REDIS_PASSWORD"),
            sentinel_password: env.optional_secret("SECURENET_REDIS_SENTINEL_PASSWORD"),
            ca: ca.and_then(|path| env.check("SECURENET_REDIS_CA_FILE", fs::read(path))),
            prefix,
        })
    }
}

/// `redis://host:port`, without a name, a password or a database: those have settings that a log never shows.
fn node(url: &str) -> Result<Node, &'static str> {
    let (tls, rest) = match url.split_once("://") {
        Some(("redis", rest)) => (false, rest),
        Some(("rediss", rest)) => (true, rest),
        Some(_) | None => return Err("it begins with redis:// or rediss://"),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains('@') {
        return Err("name and password have settings of their own (SECURENET_REDIS_PASSWORD_FILE)");
    }
    if rest.contains(['/', '?', '#']) {
        return Err("it is host and port alone");
    }
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| "its port is no number")?),
        Some(_) | None => (rest, PORT_DEFAULT),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() { Err("it names no host") } else { Ok(Node { host: host.to_owned(), port, tls }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn without_a_url_there_is_no_redis_and_no_fault() {
        let env = env(&[("SECURENET_REDIS_MODE", "nonsense")]);
        assert!(Settings::from_env(&env).is_none());
        assert!(env.finish().is_ok());
    }

    #[test]
    fn addresses_may_be_names_numbers_or_six_and_have_a_default_port() {
        let of = |url| node(url).map(|node| (node.host, node.port, node.tls));
        assert_eq!(of("redis://cache"), Ok(("cache".to_owned(), 6379, false)));
        assert_eq!(of("rediss://10.0.0.1:7000/"), Ok(("10.0.0.1".to_owned(), 7000, true)));
        assert_eq!(of("redis://[::1]:7000"), Ok(("::1".to_owned(), 7000, false)));
        assert_eq!(of("redis://[::1]"), Ok(("::1".to_owned(), 6379, false)));
        for wrong in
            ["http://cache", "cache:6379", "redis://", "redis://:secret@cache", "redis://cache/1", "redis://c:x"]
        {
            assert!(node(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let env = env(&[
            ("SECURENET_REDIS_URL", "redis://a, redis://b"),
            ("SECURENET_REDIS_PREFIX", "{x}"),
            ("SECURENET_REDIS_CA_FILE", "/nowhere"),
        ]);
        assert!(Settings::from_env(&env).is_some());
        assert_eq!(env.finish().unwrap_err().iter().count(), 3);
    }
}
