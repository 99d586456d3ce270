//! What an operator may set for the relay.

use std::time::Duration;

use platform::env::Env;

/// Long enough for a busy machine, short enough that a dead relay's partitions move within fifteen seconds.
const LEASE_SECONDS: u64 = 8;
const LEASE_SECONDS_MIN: u64 = 2;
const LEASE_SECONDS_MAX: u64 = 60;

#[derive(Clone, Debug)]
pub struct Config {
    /// `SECURENET_RELAY_LEASE_SECONDS`: how long a relay that stopped answering keeps its partitions.
    pub lease: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { lease: Duration::from_secs(LEASE_SECONDS) }
    }
}

impl Config {
    /// Faults are noted in `env`.
    pub fn from_env(env: &Env) -> Self {
        let limits = LEASE_SECONDS_MIN..=LEASE_SECONDS_MAX;
        Self { lease: Duration::from_secs(env.bounded("SECURENET_RELAY_LEASE_SECONDS", LEASE_SECONDS, limits)) }
    }
}
