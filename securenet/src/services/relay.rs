//! The relay: the log into Kafka. Any number of processes may run it; they share the partitions by leases.

use std::sync::Arc;

use command_api::TOPIC;
use command_api::relay::{Config, Relay, RelayMetrics, RelayStatus};
use platform::env::{Env, Secret};
use platform::health::HealthBuilder;
use platform::kafka;
use platform::postgres::{self, self_check};
use prometheus::Registry;
use sqlx::PgPool;
use tokio::sync::Notify;

use super::{StartError, Workers, asks_postgres};

pub(crate) struct Settings {
    postgres: postgres::Settings,
    /// `SECURENET_RELAY_URL`: the database, as the role `relay`; always direct.
    url: Secret,
    kafka: Option<kafka::Settings>,
    config: Config,
}

pub(crate) struct Running {
    pub(crate) workers: Workers,
    status: RelayStatus,
    pool: PgPool,
}

impl Settings {
    /// For a process that is a relay and nothing else.
    pub(crate) fn from_env(env: &Env) -> Self {
        let settings = Self::read(env);
        if settings.kafka.is_none() {
            env.fault("SECURENET_KAFKA_BROKERS is not set, and a relay without Kafka has nothing to do");
        }
        settings
    }

    /// `SECURENET_RELAY`: `inside` lets command-api publish what it appends, at once and without another process.
    pub(crate) fn inside(env: &Env) -> Option<Self> {
        match env.optional("SECURENET_RELAY").as_deref() {
            None | Some("outside") => None,
            Some("inside") => Some(Self::from_env(env)),
            Some(_) => {
                env.fault("SECURENET_RELAY is neither inside nor outside");
                None
            }
        }
    }

    fn read(env: &Env) -> Self {
        let postgres = postgres::Settings::from_env(env);
        let url = env.secret("SECURENET_RELAY_URL");
        postgres.check(env, "SECURENET_RELAY_URL", &url);
        Self { postgres, url, kafka: kafka::Settings::from_env(env, TOPIC), config: Config::from_env(env) }
    }
}

/// Waits for a Postgres that is away, and refuses one that does not fit. `committed` is for an appender of the same
/// process.
pub(crate) async fn start(
    settings: &Settings,
    registry: &Registry,
    committed: Option<Arc<Notify>>,
) -> Result<Running, StartError> {
    let pool = settings.postgres.relay(&settings.url)?;
    self_check(&pool).await?;
    let kafka = settings.kafka.clone().expect("the settings were checked");
    let relay = Relay::new(pool.clone(), kafka, settings.config.clone(), RelayMetrics::register(registry));
    let status = relay.status();
    let mut workers = Workers::default();
    workers.start("relay", |stop| relay.run(stop, committed));
    Ok(Running { workers, status, pool })
}

impl Running {
    pub(crate) fn checks(&self, health: HealthBuilder) -> HealthBuilder {
        let status = self.status.clone();
        asks_postgres(health, self.pool.clone()).dependency("relay", move || std::future::ready(status.ready()))
    }
}
