//! Reads that a standby answers, so that the primary keeps its time for commands.
//!
//! A request with `X-Consistency` is answered by a standby that has replayed what it asks for, by the standby's own
//! checkpoints; one without, by a standby that is seconds behind at most. Whatever a standby cannot do, the primary does:
//! a failure in the middle repeats the read there. Standing of sessions and keys, personal keys, the summary and what
//! belongs to no tenant are asked of the primary alone.

use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest};
use platform::{
    position::Position,
    postgres::replicas::{Limits, Replica, Replicas},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    error::Failure,
    freshness::Freshness,
    metrics::Metrics,
    tenant_tx::{Reader, TenantTx},
};

/// How much of its two seconds a request waits for a standby before it asks the primary.
const STANDBY_WAIT_MAX: Duration = Duration::from_millis(250);

/// The standbys of a deployment, none in most of them.
#[derive(Clone)]
pub struct Standbys {
    replicas: Replicas,
    each: Vec<Standby>,
    metrics: Metrics,
}

#[derive(Clone)]
struct Standby {
    reader: Reader,
    freshness: Freshness,
}

/// Where a request's rows come from, kept with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Standby(usize),
    /// A standby has failed it once.
    PrimaryOnly,
}

impl Standbys {
    pub fn start(
        primary: &Reader,
        replicas: Vec<Replica>,
        limits: Limits,
        metrics: &Metrics,
        stop: &CancellationToken,
    ) -> Self {
        let each = replicas.iter().map(|replica| Standby::start(replica, metrics, stop)).collect();
        let (primary, counted) = (primary.tenantless().clone(), metrics.replicas.clone());
        let replicas = Replicas::start(primary, replicas, limits, counted, stop.clone());
        Self { replicas, each, metrics: metrics.clone() }
    }

    pub fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// A transaction at a standby that is far enough, if there is one.
    pub async fn read(
        &self,
        request: &HttpRequest,
        tenant: Uuid,
        asked: Option<Position>,
        projections: &[&str],
    ) -> Option<TenantTx> {
        if request.extensions().get() == Some(&Source::PrimaryOnly) {
            return None;
        }
        let at = self.replicas.pick()?;
        let Standby { reader, freshness } = self.each.get(at)?;
        if let Some(position) = asked
            && freshness.reach_within(position, projections, STANDBY_WAIT_MAX).await.is_err()
        {
            // Too far behind for this request, or an answer that only the primary can give for certain.
            self.metrics.replica_fallbacks.inc();
            return None;
        }
        match reader.tenant(tenant).await {
            Ok(transaction) => {
                request.extensions_mut().insert(Source::Standby(at));
                self.metrics.replica_reads.inc();
                Some(transaction)
            }
            Err(error) => {
                self.fail(at, &error);
                None
            }
        }
    }

    /// Whether this answer failed because of a standby, so that the primary can give a better one.
    pub fn repeat_at_primary(&self, request: &HttpRequest, failure: &Failure) -> bool {
        let source = request.extensions().get::<Source>().copied();
        let (Some(Source::Standby(at)), Failure::Database(error)) = (source, failure) else { return false };
        self.fail(at, error);
        request.extensions_mut().insert(Source::PrimaryOnly);
        true
    }

    fn fail(&self, at: usize, error: &sqlx::Error) {
        self.metrics.replica_fallbacks.inc();
        tracing::debug!(replica = at, %error, "a replica did not answer a read; the primary does");
        if is_gone(error) {
            self.replicas.failed(at);
        }
    }
}

impl Standby {
    fn start(replica: &Replica, metrics: &Metrics, stop: &CancellationToken) -> Self {
        let reader = Reader::new(replica.pool().clone());
        Self { freshness: Freshness::start(reader.clone(), metrics.clone(), stop.clone()), reader }
    }
}

/// The server, rather than the statement. A statement that replay cancelled, or a pool with none to spare, is no fault
/// of a server's.
#[expect(clippy::wildcard_enum_match_arm, reason = "sqlx's enum may grow; what it adds is no proof of an absence")]
fn is_gone(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P01" | "57P02" | "57P03")),
        _ => false,
    }
}
