//! What the routes share, and how they are mounted.
//!
//! Whoever wires the process mounts [`QueryApi::configure`] behind a guard for GET and HEAD, gives the app its
//! request-id middleware and its default service, and stops the poller with the token it passed in. No listener is
//! opened here.

use actix_web::{
    HttpRequest,
    web::{Data, ServiceConfig},
};
use platform::{
    auth::Authenticator,
    keyring::Keyring,
    postgres::{
        Pool,
        replicas::{Limits, Replica},
    },
    redis::Redis,
};
use prometheus::Registry;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    access::DenialSink,
    answers::Answers,
    cache::{SummaryCache, TotalCache},
    config::Config,
    copies::Copies,
    docs::{self, Documents},
    error::Failure,
    freshness::{self, Freshness},
    metrics::Metrics,
    page::{CursorKey, Pager, QueryIdentity},
    routes,
    standbys::Standbys,
    tenant_tx::{Reader, TenantTx},
    tenant_versions::TenantVersions,
    versions::Moment,
};

/// Everything query-api is given.
pub struct Services {
    pub config: Config,
    /// The pool of the role `reader`, at the primary.
    pub pool: Pool,
    /// Standbys that may answer reads, and how far behind they may be.
    pub replicas: Vec<Replica>,
    pub replica_limits: Limits,
    pub authenticator: Authenticator,
    pub keyring: Keyring,
    /// Copies of read models, where the deployment has any.
    pub redis: Option<Redis>,
    /// Where refused requests are reported; without it they are only counted.
    pub denials: Option<DenialSink>,
    /// The OpenAPI document of command-api, which the documents' page shows beside ours.
    pub command_document: serde_json::Value,
    pub stop: CancellationToken,
}

/// query-api, ready to be mounted once per worker.
#[derive(Clone)]
pub struct QueryApi {
    state: Data<State>,
    authenticator: Data<Authenticator>,
    documents: Documents,
}

/// What handlers share.
pub struct State {
    pub reader: Reader,
    pub freshness: Freshness,
    pub keyring: Keyring,
    pub summaries: SummaryCache,
    pub copies: Copies,
    pub answers: Answers,
    pub tenant_versions: TenantVersions,
    pub totals: TotalCache,
    pub metrics: Metrics,
    pub denials: Option<DenialSink>,
    pub standbys: Standbys,
    cursor_key: CursorKey,
}

impl QueryApi {
    /// Registers the metrics and starts the poller of the checkpoints; needs a Tokio runtime.
    pub fn start(services: Services, registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Metrics::register(registry)?;
        let reader = Reader::new(services.pool);
        let Services { replicas, replica_limits, stop, .. } = services;
        let state = State {
            standbys: Standbys::start(&reader, replicas, replica_limits, &metrics, &stop),
            tenant_versions: TenantVersions::start(reader.clone(), stop.clone()),
            answers: Answers::new(services.redis.clone(), services.config.keep_answers),
            copies: Copies::new(services.redis),
            freshness: Freshness::start(reader.clone(), metrics.clone(), stop),
            reader,
            keyring: services.keyring,
            summaries: SummaryCache::new(services.config.summary_cache_entries),
            totals: TotalCache::default(),
            metrics,
            denials: services.denials,
            cursor_key: CursorKey::new(services.config.cursor_key.expose().as_bytes()),
        };
        Ok(Self {
            state: Data::new(state),
            authenticator: Data::new(services.authenticator),
            documents: Documents::new(services.command_document),
        })
    }

    #[cfg(test)]
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.state.metrics
    }

    #[cfg(test)]
    pub(crate) fn freshness(&self) -> &Freshness {
        &self.state.freshness
    }

    /// Who recognizes callers.
    pub fn access(&self) -> Data<Authenticator> {
        self.authenticator.clone()
    }

    pub fn configure(&self, app: &mut ServiceConfig) {
        app.app_data(self.state.clone()).app_data(self.authenticator.clone());
        routes::mount(app);
        docs::mount(&self.documents, app);
    }
}

impl State {
    /// A transaction in the tenant's name, opened once `projections` are as far as the request asks: at a standby where
    /// one will do, else at the primary.
    pub async fn read(&self, request: &HttpRequest, tenant: Uuid, projections: &[&str]) -> Result<TenantTx, Failure> {
        let asked = freshness::asked(request, Some(tenant))?;
        if let Some(transaction) = self.standbys.read(request, tenant, asked, projections).await {
            return Ok(transaction);
        }
        self.await_position(request, Some(tenant), projections).await?;
        Ok(self.reader.tenant(tenant).await?)
    }

    /// What the transaction's snapshot shows of `projections`.
    pub async fn moment(&self, tx: &mut TenantTx, projections: &[&str]) -> Result<Moment<'_>, Failure> {
        Moment::of(tx, projections, &self.totals).await
    }

    /// Waits for the position in `X-Consistency`, if there is one.
    pub async fn await_position(
        &self,
        request: &HttpRequest,
        tenant: Option<Uuid>,
        projections: &[&str],
    ) -> Result<(), Failure> {
        if let Some(position) = freshness::asked(request, tenant)? {
            self.freshness.reach(position, projections).await?;
            if let Some(tenant) = tenant {
                self.tenant_versions.showed_newer(tenant);
            }
        }
        Ok(())
    }

    /// The pager of one query; `query` is what the cursor must agree with.
    pub fn pager(&self, tenant: Uuid, route: &str, query: &impl std::fmt::Debug) -> Pager<'_> {
        Pager { key: &self.cursor_key, identity: QueryIdentity::new(tenant, route, query) }
    }
}
