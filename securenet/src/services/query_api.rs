//! query-api: read models and documents, and where its refusals go.

use std::sync::Arc;

use command_api::denials::Denials;
use command_api::origin::Origin;
use platform::env::{Env, Secret};
use platform::health::HealthBuilder;
use platform::postgres::{self, self_check};
use prometheus::Registry;
use query_api::{Config, Denial, DenialSink, QueryApi, Services, denials};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::common::Common;
use super::identity::Identity;
use super::{StartError, Workers, asks_postgres, renew_connections};

pub(crate) struct Settings {
    /// `SECURENET_READER_URL`: the database, as the role `reader`.
    url: Secret,
    postgres: postgres::Settings,
    identity: Identity,
    config: Config,
}

/// Mounted by a server, and to be stopped after it.
pub(crate) struct Running {
    pub(crate) api: QueryApi,
    pub(crate) workers: Workers,
    pool: PgPool,
}

impl Settings {
    pub(crate) fn from_env(env: &Env) -> Self {
        let url = env.secret("SECURENET_READER_URL");
        let postgres = postgres::Settings::from_env(env);
        postgres.check(env, "SECURENET_READER_URL", &url);
        Self { url, postgres, identity: Identity::from_env(env), config: Config::from_env(env) }
    }
}

/// Waits for a Postgres that is away, and refuses one that does not fit.
pub(crate) async fn start(
    settings: &Settings,
    registry: &Registry,
    common: &Common,
    refusals: DenialSink,
) -> Result<Running, StartError> {
    let pool = settings.postgres.reader(&settings.url)?;
    self_check(pool.inner()).await?;
    let stop = CancellationToken::new();
    let services = Services {
        config: settings.config.clone(),
        authenticator: settings.identity.authenticator(pool.clone()),
        keyring: settings.identity.keyring(pool.clone()),
        pool: pool.clone(),
        replicas: settings.postgres.replicas()?,
        replica_limits: settings.postgres.replica_limits,
        redis: common.redis.clone(),
        denials: Some(refusals),
        command_document: serde_json::to_value(command_api::openapi()).expect("the document is made of plain text"),
        stop: stop.clone(),
    };
    let api = QueryApi::start(services, registry)?;
    let mut workers = Workers::default();
    let pool = pool.inner().clone();
    let connections = pool.clone();
    // Nobody waits for a position any more once the requests are drained.
    workers.start("query connections", |told| async move {
        renew_connections(told, connections).await;
        stop.cancel();
    });
    Ok(Running { api, workers, pool })
}

impl Running {
    pub(crate) fn checks(&self, health: HealthBuilder) -> HealthBuilder {
        asks_postgres(health, self.pool.clone())
    }
}

/// The query side writes nothing; what it refused is noted by the command side, and the caller does not wait for it.
pub(crate) fn noted_here(denials: Denials) -> DenialSink {
    Arc::new(move |Denial { principal, operation, context }| {
        denials.note_denial(&principal, &operation, Origin::of_principal(&principal, &context));
    })
}

/// The same where the command side is another process.
pub(crate) fn sent_on(config: &denials::Config, registry: &Registry) -> Result<(DenialSink, Workers), StartError> {
    let (sink, sender) = denials::channel(config, denials::Metrics::register(registry)?)?;
    let mut workers = Workers::default();
    workers.start("denials", |stop| sender.run(stop));
    Ok((sink, workers))
}
