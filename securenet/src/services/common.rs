//! What a process has once, whatever services run in it: its way to Redis and its rate limits.

use platform::env::Env;
use platform::rate_limit::{self, RateLimits};
use platform::redis::{self, Redis};
use prometheus::Registry;

pub(crate) struct Settings {
    /// `SECURENET_REDIS_…`; absent where the deployment has none.
    redis: Option<redis::Settings>,
    /// `SECURENET_RATE_LIMIT_…`.
    limits: rate_limit::Settings,
}

#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) redis: Option<Redis>,
    pub(crate) limits: RateLimits,
}

impl Settings {
    pub(crate) fn from_env(env: &Env) -> Self {
        Self { redis: redis::Settings::from_env(env), limits: rate_limit::Settings::from_env(env) }
    }

    /// Needs a Tokio runtime. Redis is reached later, or never.
    pub(crate) fn start(&self, registry: &Registry) -> Result<Common, prometheus::Error> {
        let metrics = redis::Metrics::register(registry)?;
        let redis = self.redis.clone().map(|settings| Redis::start(settings, metrics));
        if redis.is_none() {
            tracing::info!("no Redis is set: caches and rate limits are each process's own");
        }
        let limits = RateLimits::new(self.limits, redis.clone(), rate_limit::Metrics::register(registry)?);
        Ok(Common { redis, limits })
    }
}
