//! Is the process alive, and can it do its work: `/health/live` and `/health/ready`.
//!
//! Live says only that the process answers: a restart mends no dependency. Ready asks every dependency, each within
//! its time; what exactly failed stands in the log, not in the answer, which is read without a log in.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::{HttpResponse, Resource, web};
use futures_util::future::{BoxFuture, FutureExt, join_all};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::method_not_allowed;

/// A dependency that has not answered by then counts as down; probes themselves give up soon after.
pub const CHECK_MAX_MS: u64 = 2_000;
const CHECK_MAX: Duration = Duration::from_millis(CHECK_MAX_MS);

type Check = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What a process needs, and whether it is on its way out. Clones are the same health.
#[derive(Clone, Default)]
pub struct Health {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    checks: Vec<(&'static str, Check)>,
    draining: AtomicBool,
}

/// The worse is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Up,
    Down,
}

/// The answer of `/health/ready`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Readiness {
    pub ready: bool,
    /// The process was told to stop and takes no new work.
    pub draining: bool,
    #[schema(value_type = BTreeMap<String, State>)]
    pub dependencies: BTreeMap<&'static str, State>,
}

/// Collects the checks of a process before it starts.
#[derive(Default)]
pub struct HealthBuilder {
    checks: Vec<(&'static str, Check)>,
}

impl HealthBuilder {
    /// A dependency and how to ask it. The text of a failure goes to the log. Of several under one name (the pools of one
    /// Postgres, say) the worst counts.
    #[must_use]
    pub fn dependency<F, Fut>(mut self, name: &'static str, ask: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.checks.push((name, Box::new(move || ask().boxed())));
        self
    }

    pub fn build(self) -> Health {
        Health { inner: Arc::new(Inner { checks: self.checks, draining: AtomicBool::new(false) }) }
    }
}

impl Health {
    pub fn builder() -> HealthBuilder {
        HealthBuilder::default()
    }

    /// Red from now on, whatever the dependencies say: the first step of a shutdown.
    pub fn drain(&self) {
        self.inner.draining.store(true, Ordering::Release);
    }

    pub fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::Acquire)
    }

    /// Asks all dependencies at once.
    pub async fn readiness(&self) -> Readiness {
        let answers = join_all(
            self.inner.checks.iter().map(|(name, ask)| async move { (*name, state(name, ask, CHECK_MAX).await) }),
        );
        let mut dependencies = BTreeMap::new();
        for (name, state) in answers.await {
            let worst = dependencies.entry(name).or_insert(state);
            *worst = state.max(*worst);
        }
        let draining = self.is_draining();
        let all_up = dependencies.values().all(|state| *state == State::Up);
        Readiness { ready: all_up && !draining, draining, dependencies }
    }
}

/// Registers both routes; `App::configure(health.routes())`.
impl Health {
    pub fn routes(&self) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
        let health = web::Data::new(self.clone());
        move |config| {
            config.service(resource("/health/live").get(live).head(live));
            config.service(resource("/health/ready").app_data(health).get(ready).head(ready));
        }
    }
}

/// A path to be read alone; other methods learn so.
fn resource(path: &str) -> Resource {
    web::resource(path).default_service(web::to(|| async { method_not_allowed("GET, HEAD") }))
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "live": true }))
}

async fn ready(health: web::Data<Health>) -> HttpResponse {
    let readiness = health.readiness().await;
    let mut answer = if readiness.ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(readiness)
}

async fn state(name: &str, ask: &Check, patience: Duration) -> State {
    let reason = match tokio::time::timeout(patience, ask()).await {
        Ok(Ok(())) => return State::Up,
        Ok(Err(reason)) => reason,
        Err(_) => format!("no answer within {} ms", patience.as_millis()),
    };
    tracing::warn!(dependency = name, reason, "a dependency is down");
    State::Down
}
