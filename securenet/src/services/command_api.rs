//! command-api: the appender, the timer, the record of refusals, and what its handlers need.

use std::sync::Arc;

use command_api::appender::Appender;
use command_api::config::Config;
use command_api::denials::Denials;
use command_api::metrics::AppendMetrics;
use command_api::server::Services;
use command_api::timer;
use platform::auth::ServiceToken;
use platform::env::{Env, Secret};
use platform::health::HealthBuilder;
use platform::postgres::{self, self_check};
use prometheus::Registry;
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::identity::Identity;
use super::{StartError, Workers, asks_postgres, renew_connections};
use crate::server::Commands;

pub(crate) struct Settings {
    /// `SECURENET_WRITER_URL`: the database, as the role `writer`.
    url: Secret,
    /// `SECURENET_APPENDER_URL`: the same without a pooler in between; the same URL unless told otherwise.
    appender_url: Secret,
    postgres: postgres::Settings,
    identity: Identity,
    /// `SECURENET_SERVICE_TOKEN`: what other processes of the deployment show; without it nothing internal is mounted.
    service_token: Option<ServiceToken>,
    config: Config,
}

/// Mounted by a server, and to be stopped in this order after it.
pub(crate) struct Running {
    pub(crate) commands: Commands,
    /// Told of each commit: whoever follows the log in this process need not wait for its next look.
    pub(crate) committed: Arc<Notify>,
    pub(crate) workers: Workers,
    pool: PgPool,
}

impl Settings {
    pub(crate) fn from_env(env: &Env) -> Self {
        let url = env.secret("SECURENET_WRITER_URL");
        let postgres = postgres::Settings::from_env(env);
        postgres.check(env, "SECURENET_WRITER_URL", &url);
        let appender_url = postgres.direct(env, "SECURENET_APPENDER_URL", &url);
        let token = env.optional_secret("SECURENET_SERVICE_TOKEN");
        Self {
            url,
            appender_url,
            postgres,
            identity: Identity::from_env(env),
            service_token: token.and_then(|token| env.check("SECURENET_SERVICE_TOKEN", ServiceToken::new(&token))),
            config: Config::from_env(env),
        }
    }
}

/// Waits for a Postgres that is away, and refuses one that does not fit.
pub(crate) async fn start(settings: &Settings, registry: &Registry) -> Result<Running, StartError> {
    let pool = settings.postgres.writer(&settings.url)?;
    self_check(pool.inner()).await?;
    let options = settings.postgres.options(&settings.appender_url)?.application_name("securenet-appender");
    let metrics = AppendMetrics::register(registry);
    let (appender, appending) = Appender::start(&options, settings.config.appenders, metrics);
    let committed = appender.committed();
    let signer = settings.config.signer.clone().expect("the settings were checked");
    let keyring = settings.identity.keyring(pool.clone());
    let services = Services::open(pool.clone(), appender, keyring, signer, settings.config.session_life).await?;

    let mut workers = Workers::default();
    workers.start("command connections", |stop| renew_connections(stop, pool.inner().clone()));
    workers.start("denials", |stop| settle(services.denials.clone(), stop));
    workers.start("timer", |stop| timer::run(services.clone(), stop));
    // They end by themselves when the last who could append is gone; the server and the timer are by then.
    workers.start("appender", |stop| async move {
        stop.cancelled().await;
        for task in appending {
            if let Err(error) = task.await {
                tracing::error!(%error, "an appender failed");
            }
        }
    });
    let access = settings.identity.authenticator(pool.clone());
    let commands = Commands { services, access, service_token: settings.service_token.clone() };
    Ok(Running { commands, committed, workers, pool: pool.inner().clone() })
}

impl Running {
    pub(crate) fn checks(&self, health: HealthBuilder) -> HealthBuilder {
        asks_postgres(health, self.pool.clone())
    }
}

/// Nothing to do until it is stopped: then everything noted has to be written.
async fn settle(denials: Denials, stop: CancellationToken) {
    stop.cancelled().await;
    denials.settled().await;
}
