//! The projector: feed in, read models out. Any number of processes may run it.

use std::sync::Arc;

use platform::env::{Env, Secret};
use platform::health::HealthBuilder;
use platform::postgres::{self, self_check};
use platform::problem::chain;
use projector::{Config, Metrics, Projector, Standing};
use prometheus::Registry;
use sqlx::PgPool;
use tokio::sync::Notify;

use super::common::Common;
use super::{StartError, Workers, asks_postgres};

pub(crate) struct Settings {
    /// `SECURENET_PROJECTOR_URL`: the database, as the role `projector`.
    url: Secret,
    postgres: postgres::Settings,
    config: Config,
}

pub(crate) struct Running {
    pub(crate) workers: Workers,
    standing: Standing,
    pool: PgPool,
}

impl Settings {
    pub(crate) fn from_env(env: &Env) -> Self {
        let url = env.secret("SECURENET_PROJECTOR_URL");
        let postgres = postgres::Settings::from_env(env);
        postgres.check(env, "SECURENET_PROJECTOR_URL", &url);
        Self { url, postgres, config: Config::from_env(env) }
    }
}

/// `committed` is for an appender of the same process.
pub(crate) async fn start(
    settings: &Settings,
    registry: &Registry,
    common: &Common,
    committed: Arc<Notify>,
) -> Result<Running, StartError> {
    let pool = settings.postgres.projector(&settings.url)?;
    self_check(&pool).await?;
    let projector = Projector::new(pool.clone(), settings.config.clone(), Metrics::register(registry)?)
        .with_redis(common.redis.clone());
    let standing = projector.standing();
    let mut workers = Workers::default();
    workers.start("projector", |stop| async move {
        if let Err(error) = projector.run(stop, committed).await {
            tracing::error!(error = %chain(&error), "the projector stopped by itself");
        }
    });
    Ok(Running { workers, standing, pool })
}

impl Running {
    pub(crate) fn checks(&self, health: HealthBuilder) -> HealthBuilder {
        let standing = self.standing.clone();
        asks_postgres(health, self.pool.clone()).dependency("projections", move || {
            let behind = standing.behind();
            async move { if behind.is_empty() { Ok(()) } else { Err(format!("behind: {behind:?}")) } }
        })
    }
}
