//! Copies of read models in Redis, made by another service. They are read, never written, and never believed before their
//! version was compared with Postgres's.

use platform::redis::{Redis, copy_key};
use uuid::Uuid;

/// The copies there are; none without Redis.
#[derive(Debug, Clone)]
pub struct Copies(Option<Redis>);

impl Copies {
    pub const fn new(redis: Option<Redis>) -> Self {
        Self(redis)
    }

    /// What a tenant's summary is added up from, if Redis has it and answers in time.
    pub async fn summary(&self, tenant: Uuid) -> Option<String> {
        let redis = self.0.as_ref()?;
        redis.field(&copy_key(redis.prefix(), tenant, "summary"), "rows").await.ok().flatten()
    }
}
