//! What Redis is owed, in Postgres (`migrations/0008_redis.sql`).

use std::collections::BTreeMap;

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::LEASE_SECONDS;
use crate::failure;
use crate::registry::Target;

/// How Redis was left.
pub(crate) struct Left {
    pub mark: i64,
    pub made_of: String,
}

/// A tenant's summary as one snapshot of Postgres has it.
#[derive(Debug, Clone)]
pub(crate) struct Copy {
    pub order: String,
    pub rows: String,
    /// The debts that it pays.
    pub revisions: Vec<Uuid>,
}

/// Part of a projection's transaction: its tenants' copies are owed, if it fills what is read. Of a generation that comes
/// to be read later everything is owed then.
pub(crate) async fn note(
    transaction: &mut PgConnection,
    target: Target,
    tenants: &BTreeMap<Uuid, i64>,
) -> Result<(), failure::Failure> {
    // In ascending order, so that two generations' transactions cannot wait for each other.
    let (tenants, seqs): (Vec<Uuid>, Vec<i64>) = tenants.iter().unzip();
    sqlx::query!(
        "INSERT INTO read.redis_owed AS o (tenant_id, key, projection, generation, seq, revision)
         SELECT t.tenant_id, 'summary', $1, $2, t.seq, gen_random_uuid()
         FROM unnest($3::uuid[], $4::bigint[]) AS t (tenant_id, seq)
         WHERE EXISTS (SELECT FROM read.generations g WHERE g.projection = $1 AND g.generation = $2 AND g.state = 'live')
         ORDER BY t.tenant_id
         ON CONFLICT (tenant_id, key, projection) DO UPDATE
         SET generation = excluded.generation, seq = excluded.seq, revision = excluded.revision",
        target.name(),
        target.generation,
        &tenants,
        &seqs
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// One worker at a time, by Postgres's clock.
pub(crate) async fn lease(pool: &PgPool, worker: Uuid) -> Result<Option<Left>, sqlx::Error> {
    sqlx::query_as!(
        Left,
        "UPDATE read.redis_state SET worker = $1, leased_until = clock_timestamp() + make_interval(secs => $2)
         WHERE worker = $1 OR leased_until < clock_timestamp()
         RETURNING mark, made_of",
        worker,
        LEASE_SECONDS
    )
    .fetch_optional(pool)
    .await
}

pub(crate) async fn made_of(pool: &PgPool) -> Result<String, sqlx::Error> {
    sqlx::query_scalar!(r#"SELECT read.redis_made_of() AS "made_of!""#).fetch_one(pool).await
}

/// How many tenants there are to copy.
pub(crate) async fn owe_everything(pool: &PgPool, made_of: &str) -> Result<u64, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query!("UPDATE read.redis_state SET made_of = $1", made_of).execute(&mut *transaction).await?;
    let owed = sqlx::query!(
        "INSERT INTO read.redis_owed AS o (tenant_id, key, projection, generation, seq, revision)
         SELECT t.tenant_id, 'summary', 'summary', 0, 0, gen_random_uuid()
         FROM (SELECT tenant_id FROM read.tenant_seqs WHERE projection IN ('summary', 'devices')
               UNION SELECT tenant_id FROM read.organizations ORDER BY tenant_id) AS t
         ON CONFLICT (tenant_id, key, projection) DO UPDATE SET revision = excluded.revision"
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(owed.rows_affected())
}

/// Those that wait longest first.
pub(crate) async fn owed(pool: &PgPool, tenants_max: i64) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "SELECT tenant_id FROM read.redis_owed GROUP BY tenant_id ORDER BY min(owed_at), tenant_id LIMIT $1",
        tenants_max
    )
    .fetch_all(pool)
    .await
}

/// In one statement, so that debts, rows and their order are of one moment.
pub(crate) async fn summary(pool: &PgPool, tenant: Uuid) -> Result<Copy, sqlx::Error> {
    sqlx::query_as!(
        Copy,
        r#"SELECT read.summary_order($1) AS "order!", read.summary_rows($1) AS "rows!",
                  ARRAY (SELECT o.revision FROM read.redis_owed o WHERE o.tenant_id = $1 AND o.key = 'summary') AS "revisions!""#,
        tenant
    )
    .fetch_one(pool)
    .await
}

/// Pays what was owed when the copy was made; what was asked for since is still owed.
pub(crate) async fn settle(pool: &PgPool, tenant: Uuid, revisions: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "DELETE FROM read.redis_owed WHERE tenant_id = $1 AND key = 'summary' AND revision = ANY ($2)",
        tenant,
        revisions
    )
    .execute(pool)
    .await?;
    Ok(())
}

pub(crate) async fn set_mark(pool: &PgPool, mark: i64) -> Result<(), sqlx::Error> {
    sqlx::query!("UPDATE read.redis_state SET mark = greatest(mark, $1)", mark).execute(pool).await?;
    Ok(())
}
