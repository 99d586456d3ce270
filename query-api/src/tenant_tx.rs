//! The only way to a connection for what belongs to an organization.
//!
//! A [`TenantTx`] is a read-only transaction whose row-level security setting names one tenant until it ends, and
//! one snapshot, so that a page, its total and its checkpoint agree. The setting is local to the transaction: a
//! connection that goes back to the pool remembers no tenant. It never writes, and is never committed: there is
//! nothing to commit.

use platform::postgres::{Pool, Statements, Tx};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// A pool of the reader role, at the primary or at a standby. Its connections are handed out only inside a [`TenantTx`], save for what has no tenant.
#[derive(Debug, Clone)]
pub struct Reader(Pool);

impl Reader {
    pub const fn new(pool: Pool) -> Self {
        Self(pool)
    }

    /// Opens a transaction that sees the rows of `tenant` and of nobody else, in one round trip.
    #[expect(
        clippy::disallowed_methods,
        reason = "a Uuid prints as hexadecimal digits and dashes, and BEGIN binds none"
    )]
    pub async fn tenant(&self, tenant: Uuid) -> Result<TenantTx, sqlx::Error> {
        let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL app.tenant_id = '{tenant}'");
        let transaction = self.0.begin_with(AssertSqlSafe(begin)).await?;
        Ok(TenantTx { transaction, tenant })
    }

    /// For checkpoints and epochs, which belong to no tenant.
    pub(crate) const fn tenantless(&self) -> &Pool {
        &self.0
    }
}

/// A read-only transaction in the name of one tenant.
#[derive(Debug)]
pub struct TenantTx {
    transaction: Tx,
    tenant: Uuid,
}

impl TenantTx {
    /// The tenant, for the `WHERE tenant_id =` that every statement carries beside the policy.
    pub const fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// What runs statements in it, in the way that suits a pooler in between.
    pub fn connection(&mut self) -> Statements<'_> {
        self.transaction.statements()
    }
}
