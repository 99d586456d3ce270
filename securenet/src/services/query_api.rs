//! query-api: read models and documents, and where its refusals go.

use std::sync::Arc;

use command_api::denials::Denials;
use command_api::origin::Origin;
use platform::env::{Env, Secret};
use platform::health::HealthBuilder;
use platform::postgres::{reader_pool, self_check};
use prometheus::Registry;
use query_api::{Config, Denial, DenialSink, QueryApi, Services, denials};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::common::Common;
use super::identity::Identity;
use super::{CONNECTIONS_DEFAULT, CONNECTIONS_MAX, StartError, Workers, asks_postgres, renew_connections};

pub(crate) struct Settings {
    /// `SECURENET_READER_URL`: the database, as the role `reader`.
    url: Secret,
    /// `SECURENET_CONNECTIONS`: how many connections a pool may open.
    connections: u32,
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
        Self {
            url: env.secret("SECURENET_READER_URL"),
            connections: env.bounded("SECURENET_CONNECTIONS", CONNECTIONS_DEFAULT, 1..=CONNECTIONS_MAX),
            identity: Identity::from_env(env),
            config: Config::from_env(env),
        }
    }
}

/// Waits for a Postgres that is away, and refuses one that does not fit.
pub(crate) async fn start(
    settings: &Settings,
    registry: &Registry,
    common: &Common,
    refusals: DenialSink,
) -> Result<Running, StartError> {
    let pool = reader_pool(&settings.url, settings.connections)?;
    self_check(&pool).await?;
    let stop = CancellationToken::new();
    let services = Services {
        config: settings.config.clone(),
        authenticator: settings.identity.authenticator(pool.clone()),
        keyring: settings.identity.keyring(pool.clone()),
        pool: pool.clone().into(),
        replicas: vec![],
        replica_limits: Default::default(),
        redis: common.redis.clone(),
        denials: Some(refusals),
        command_document: serde_json::to_value(command_api::openapi()).expect("the document is made of plain text"),
        stop: stop.clone(),
    };
    let api = QueryApi::start(services, registry)?;
    let mut workers = Workers::default();
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
