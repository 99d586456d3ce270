//! The database of a private deployment: roles with passwords of their own, every migration, and the mark that says it
//! was seeded.
//!
//! A database without the mark holds nothing but half of our own seed, so it is dropped and made anew; one with it is
//! kept for ever.

use platform::env::Secret;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::dev_dir::{DevDir, DevDirError};
use crate::private_postgres::PrivatePostgres;

pub(crate) const NAME: &str = "securenet";
/// Whoever owns the tables, and the services that use them.
pub(crate) const ROLES: [&str; 6] = ["migrator", "writer", "relay", "projector", "reader", "doctor"];
pub(crate) const ROLES_SQL: &str = include_str!("../../migrations/roles.sql");
pub(crate) const DATABASE_SQL: &str = include_str!("../../migrations/database.sql");
/// In the binary, so that a deployment needs no source tree.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");
/// What the database's comment says once everything is in it. It lives where the data lives, and with it goes.
const SEEDED: &str = "seeded";

#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    #[error("the database cannot be prepared")]
    Sql(#[from] sqlx::Error),
    #[error("the migrations do not apply")]
    Migrate(#[from] MigrateError),
    #[error(transparent)]
    Directory(#[from] DevDirError),
}

/// A database that every service can use.
pub(crate) struct Database {
    admin: PgConnectOptions,
    pub(crate) seeded: bool,
}

impl Database {
    pub(crate) async fn prepare(postgres: &PrivatePostgres, directory: &DevDir) -> Result<Self, DatabaseError> {
        let mut admin = PgConnection::connect_with(&postgres.admin()).await?;
        sqlx::raw_sql(ROLES_SQL).execute(&mut admin).await?;
        for role in ROLES {
            set_password(&mut admin, role, &role_password(directory, role)?).await?;
        }
        let seeded = is_seeded(&mut admin).await?;
        if !seeded {
            sqlx::raw_sql("DROP DATABASE IF EXISTS securenet WITH (FORCE)").execute(&mut admin).await?;
            sqlx::raw_sql("CREATE DATABASE securenet OWNER migrator").execute(&mut admin).await?;
        }
        admin.close().await?;
        let mut inside = PgConnection::connect_with(&postgres.admin().database(NAME)).await?;
        sqlx::raw_sql(DATABASE_SQL).execute(&mut inside).await?;
        inside.close().await?;
        let migrator = postgres.url("migrator", &role_password(directory, "migrator")?, NAME);
        migrate(&migrator.expose().parse()?).await?;
        Ok(Self { admin: postgres.admin(), seeded })
    }

    /// The last step of a seed.
    pub(crate) async fn mark_seeded(&self) -> Result<(), DatabaseError> {
        let mut admin = PgConnection::connect_with(&self.admin).await?;
        sqlx::raw_sql("COMMENT ON DATABASE securenet IS 'seeded'").execute(&mut admin).await?;
        Ok(admin.close().await?)
    }
}

/// Applies what is missing, as the role that owns everything.
pub(crate) async fn migrate(migrator: &PgConnectOptions) -> Result<(), DatabaseError> {
    let mut owner = PgConnection::connect_with(migrator).await?;
    MIGRATIONS.run(&mut owner).await?;
    Ok(owner.close().await?)
}

pub(crate) fn role_password(directory: &DevDir, role: &str) -> Result<Secret, DevDirError> {
    directory.password(&format!("postgres-{role}"))
}

/// `ALTER ROLE` takes no parameters, so the values travel as settings of the transaction.
pub(crate) async fn set_password(admin: &mut PgConnection, role: &str, password: &Secret) -> Result<(), sqlx::Error> {
    let mut tx = admin.begin().await?;
    // First, so that neither the server's log nor its statistics keep what follows.
    sqlx::raw_sql(
        "SET LOCAL log_statement = 'none'; SET LOCAL log_min_duration_statement = -1;
         SET LOCAL log_min_error_statement = 'panic'; SET LOCAL pg_stat_statements.track = 'none';
         SET LOCAL password_encryption = 'scram-sha-256'",
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query("SELECT set_config('setup.role', $1, true), set_config('setup.password', $2, true)")
        .bind(role)
        .bind(password.expose())
        .execute(&mut *tx)
        .await?;
    sqlx::raw_sql(
        "DO $$ BEGIN EXECUTE format('ALTER ROLE %I PASSWORD %L',
             current_setting('setup.role'), current_setting('setup.password')); END $$",
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

async fn is_seeded(admin: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let mark: Option<Option<String>> =
        sqlx::query_scalar("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1")
            .bind(NAME)
            .fetch_optional(admin)
            .await?;
    Ok(mark.flatten().as_deref() == Some(SEEDED))
}
