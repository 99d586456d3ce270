//! What an operator may set. Every value has a default that fits one machine.

use std::time::Duration;

use platform::env::Env;

/// Connections the projector's pool should offer: one for each projection, one that watches the heads, one that reads.
pub const CONNECTIONS: u32 = 12;

const BATCH_EVENTS_DEFAULT: usize = 500;
/// Measured at 500 commands/s on two cores: at 5 ms the eight projections saturate Postgres with small transactions,
/// and the slowest hundredth of readers waits half as long again.
const POLL_BUSY_MS_DEFAULT: u64 = 10;
const POLL_IDLE_MS_DEFAULT: u64 = 100;
const READY_LAG_SECONDS_DEFAULT: u64 = 30;
const VERIFY_INTERVAL_SECONDS_DEFAULT: u64 = 3_600;
/// A minute's work, about.
const VERIFY_EVENTS_MAX_DEFAULT: i64 = 200_000;

#[derive(Clone, Debug)]
pub struct Config {
    /// Events of one transaction, over all partitions.
    pub batch_events: usize,
    /// Between two looks at the heads while there is something to do.
    pub poll_busy: Duration,
    /// Between two looks at the heads after a quiet while.
    pub poll_idle: Duration,
    /// A projection that is further behind than this makes readiness red.
    pub ready_lag: Duration,
    /// How often a partition is drawn and verified; zero: never.
    pub verify_interval: Duration,
    /// Partitions with more events are left to verifications that somebody asks for.
    pub verify_events_max: i64,
}

impl Config {
    pub fn from_env(env: &Env) -> Self {
        let milliseconds = Duration::from_millis;
        Self {
            batch_events: env.parse("SECURENET_PROJECTOR_BATCH_EVENTS", BATCH_EVENTS_DEFAULT).max(1),
            poll_busy: milliseconds(env.parse("SECURENET_PROJECTOR_POLL_BUSY_MS", POLL_BUSY_MS_DEFAULT)),
            poll_idle: milliseconds(env.parse("SECURENET_PROJECTOR_POLL_IDLE_MS", POLL_IDLE_MS_DEFAULT)),
            ready_lag: Duration::from_secs(
                env.parse("SECURENET_PROJECTOR_READY_LAG_SECONDS", READY_LAG_SECONDS_DEFAULT),
            ),
            verify_interval: Duration::from_secs(
                env.parse("SECURENET_VERIFY_INTERVAL_SECONDS", VERIFY_INTERVAL_SECONDS_DEFAULT),
            ),
            verify_events_max: env.parse("SECURENET_VERIFY_EVENTS_MAX", VERIFY_EVENTS_MAX_DEFAULT),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            batch_events: BATCH_EVENTS_DEFAULT,
            poll_busy: Duration::from_millis(POLL_BUSY_MS_DEFAULT),
            poll_idle: Duration::from_millis(POLL_IDLE_MS_DEFAULT),
            ready_lag: Duration::from_secs(READY_LAG_SECONDS_DEFAULT),
            verify_interval: Duration::from_secs(VERIFY_INTERVAL_SECONDS_DEFAULT),
            verify_events_max: VERIFY_EVENTS_MAX_DEFAULT,
        }
    }
}
