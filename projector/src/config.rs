//! What an operator may set. Every value has a default that fits one machine.

use std::str::FromStr;
use std::time::Duration;

use event_schemas::topic::TOPIC;
use platform::env::Env;
use platform::kafka;

/// Connections the projector's pool should offer: one for each projection, one that watches the heads, one that reads.
/// Each generation number in use takes as many once more, at most.
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

/// Where events come from.
#[derive(Clone, Debug, Default)]
pub enum FeedFrom {
    /// The log itself. Each process follows all partitions: one is enough.
    #[default]
    Store,
    /// Kafka, by which processes share the partitions.
    Kafka(kafka::Settings),
}

#[derive(Clone, Debug)]
pub struct Config {
    pub feed: FeedFrom,
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
            feed: FeedFrom::from_env(env),
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

/// `SECURENET_PROJECTOR_FEED`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FeedName {
    Store,
    Kafka,
}

impl FeedFrom {
    /// Kafka, where there is one and nothing else is said.
    fn from_env(env: &Env) -> Self {
        let settings = kafka::Settings::from_env(env, TOPIC);
        let default = if settings.is_some() { FeedName::Kafka } else { FeedName::Store };
        match (env.parse("SECURENET_PROJECTOR_FEED", default), settings) {
            (FeedName::Store, _) => Self::Store,
            (FeedName::Kafka, Some(settings)) => Self::Kafka(settings),
            (FeedName::Kafka, None) => {
                env.fault("SECURENET_PROJECTOR_FEED is kafka, but SECURENET_KAFKA_BROKERS is not set");
                Self::Store
            }
        }
    }
}

impl FromStr for FeedName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "store" => Ok(Self::Store),
            "kafka" => Ok(Self::Kafka),
            _ => Err("it is store or kafka"),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            feed: FeedFrom::default(),
            batch_events: BATCH_EVENTS_DEFAULT,
            poll_busy: Duration::from_millis(POLL_BUSY_MS_DEFAULT),
            poll_idle: Duration::from_millis(POLL_IDLE_MS_DEFAULT),
            ready_lag: Duration::from_secs(READY_LAG_SECONDS_DEFAULT),
            verify_interval: Duration::from_secs(VERIFY_INTERVAL_SECONDS_DEFAULT),
            verify_events_max: VERIFY_EVENTS_MAX_DEFAULT,
        }
    }
}
