//! A lease on a name: of many processes one acts, by Postgres's clock. It promises nothing after its end, so whoever
//! acts under it must be harmless when late; here every act is an append at an expected version.

use platform::postgres::Pool;
use uuid::Uuid;

/// A holder that stopped is replaced after so long.
pub const LEASE_SECONDS: i32 = 5;

pub struct Lease {
    pool: Pool,
    name: &'static str,
    holder: Uuid,
}

impl Lease {
    #[must_use]
    pub fn new(pool: impl Into<Pool>, name: &'static str) -> Self {
        Self { pool: pool.into(), name, holder: Uuid::now_v7() }
    }

    /// Takes or renews the lease. `None`: another process holds it. The epoch moves with every change of holder.
    pub async fn hold(&self) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar!(
            "INSERT INTO store.leases AS l (name, holder, epoch, expires_at)
             VALUES ($1, $2, 1, clock_timestamp() + make_interval(secs => $3))
             ON CONFLICT (name) DO UPDATE
             SET holder = excluded.holder, expires_at = excluded.expires_at,
                 epoch = l.epoch + (l.holder <> excluded.holder)::integer
             WHERE l.holder = excluded.holder OR l.expires_at < clock_timestamp()
             RETURNING epoch",
            self.name,
            self.holder,
            f64::from(LEASE_SECONDS),
        )
        .fetch_optional(&self.pool)
        .await
    }

    /// Lets the next process begin at once.
    pub async fn release(&self) -> sqlx::Result<()> {
        sqlx::query!(
            "UPDATE store.leases SET expires_at = clock_timestamp() WHERE name = $1 AND holder = $2",
            self.name,
            self.holder,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
