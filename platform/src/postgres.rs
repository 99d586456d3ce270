//! Pools to Postgres, one class of time-outs for each kind of work, and the check that refuses the wrong role.
//!
//! How long a statement or a lock may take is set on the roles (`migrations/roles.sql`), where no client can forget
//! it; the check makes sure that it is. What is set here is how long a caller waits for a connection.

mod pool;
pub mod replicas;
mod settings;
#[cfg(test)]
mod tests;

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};
use uuid::Uuid;

pub use pool::{NotAPooler, Pool, Pooler, Statements, Tx};
pub use settings::Settings;

/// A connection idle for longer than this is asked whether it still lives before it is used.
const PING_AFTER_IDLE_MS: u64 = 1_000;
const CONNECTION_AGE_MAX_SECONDS: u64 = 1_800;
const CONNECTION_IDLE_MAX_SECONDS: u64 = 600;
/// No longer than a reader notices: the primary answers instead.
const REPLICA_ACQUIRE_MS: u64 = 250;
/// Between two attempts to reach a Postgres that is away.
const RETRY_MS: u64 = 500;

/// What a pool is for, and so how long its callers can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Writer,
    Relay,
    Projector,
    Reader,
    /// A reader at a standby, which has the primary to fall back on.
    Replica,
}

impl Class {
    const fn name(self) -> &'static str {
        match self {
            Self::Writer => "securenet-writer",
            Self::Projector => "securenet-projector",
            Self::Relay => "securenet-relay",
            Self::Reader => "securenet-reader",
            Self::Replica => "securenet-replica",
        }
    }

    /// A client is told soon that Postgres is away; a projector waits for as long as it takes.
    const fn acquire_max(self) -> Duration {
        match self {
            Self::Writer | Self::Reader => Duration::from_secs(2),
            Self::Projector | Self::Relay => Duration::from_secs(30),
            Self::Replica => Duration::from_millis(REPLICA_ACQUIRE_MS),
        }
    }
}

/// Why a process must not use this database as this role.
#[derive(Debug, thiserror::Error)]
pub enum SelfCheckError {
    #[error("role {0} is a superuser or bypasses row-level security (or is a member of one that does)")]
    Bypasses(String),
    #[error("role {0} owns tables, and an owner is above their policies")]
    Owner(String),
    #[error("role {0} has no statement_timeout; run migrations/roles.sql")]
    NoTimeout(String),
    #[error("Postgres cannot be asked")]
    Unavailable(#[source] sqlx::Error),
}

/// Whether Postgres answers; what readiness asks. In a transaction and without a name, so that it may go through any
/// pooler.
pub async fn reachable(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query!(r#"SELECT 1 AS "one!""#).fetch_one(&through_any_pooler(pool)).await.map(drop)
}

/// Waits for a Postgres that is away, and refuses one where the role could pass by the policies.
pub async fn self_check(pool: &PgPool) -> Result<(), SelfCheckError> {
    loop {
        match check_once(pool).await {
            Err(SelfCheckError::Unavailable(error)) if passes_by_itself(&error) => {
                tracing::warn!(error = %crate::problem::chain(&error), "waiting for Postgres");
                tokio::time::sleep(Duration::from_millis(RETRY_MS)).await;
            }
            answer => return answer,
        }
    }
}

async fn check_once(pool: &PgPool) -> Result<(), SelfCheckError> {
    let role = sqlx::query!(
        r#"SELECT current_user::text AS "name!",
                  EXISTS (SELECT FROM pg_roles r WHERE (r.rolsuper OR r.rolbypassrls)
                          AND pg_has_role(session_user, r.oid, 'MEMBER')) AS "bypasses!",
                  EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                          WHERE (n.nspname IN ('store', 'read') OR n.nspname LIKE 'read\_g%') AND c.relkind IN ('r', 'p', 'v', 'm')
                          AND pg_has_role(session_user, c.relowner, 'MEMBER')) AS "owns!",
                  current_setting('statement_timeout') <> '0' AS "times_out!""#
    )
    .fetch_one(&through_any_pooler(pool))
    .await
    .map_err(SelfCheckError::Unavailable)?;
    if role.bypasses {
        return Err(SelfCheckError::Bypasses(role.name));
    }
    if role.owns {
        return Err(SelfCheckError::Owner(role.name));
    }
    if !role.times_out {
        return Err(SelfCheckError::NoTimeout(role.name));
    }
    Ok(())
}

fn through_any_pooler(pool: &PgPool) -> Pool {
    Pool::new(pool.clone(), Pooler::Transaction)
}

/// A transaction that sees one tenant, for what this crate itself asks.
pub(crate) async fn within(pool: &Pool, tenant: Uuid) -> Result<Tx, sqlx::Error> {
    let mut tx = pool.begin().await?;
    sqlx::query!("SELECT set_config('app.tenant_id', $1, true)", tenant.to_string()).fetch_one(tx.statements()).await?;
    Ok(tx)
}

/// Whether trying again later may help: connections, time-outs, shutdowns, full disks and the lack of other resources. A
/// wrong password or a database that does not exist is no absence: waiting mends neither.
pub fn passes_by_itself(error: &sqlx::Error) -> bool {
    use sqlx::Error as E;
    // Connection, rollback, resources, state, operator, system: none of them is about the statement.
    let class_passes = |code: &str| ["08", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class));
    let of_postgres = error.as_database_error().and_then(|error| error.code());
    // A proxy before a Postgres that is away takes the connection and drops it, which reads as a breach of protocol.
    let of_connection = matches!(
        error,
        E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::BeginFailed
    );
    of_connection || of_postgres.is_some_and(|code| class_passes(&code))
}

/// Connects when it is first used, so that a process can start while Postgres is away.
fn connect_lazily(options: PgConnectOptions, class: Class, connections_max: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(class.acquire_max())
        .max_lifetime(Duration::from_secs(CONNECTION_AGE_MAX_SECONDS))
        .idle_timeout(Duration::from_secs(CONNECTION_IDLE_MAX_SECONDS))
        .test_before_acquire(false) // a round trip before each query; the busy ones have just proved that they live
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > Duration::from_millis(PING_AFTER_IDLE_MS) {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options.application_name(class.name()))
}
