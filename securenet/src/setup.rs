//! `securenet setup`: roles, their passwords, the database and who may enter it. Safe to repeat, and so also the way to
//! change a password. `compose/postgres/setup.sh` does the same with psql alone, from the same files.
//!
//! It needs a superuser and leaves nothing of one behind: services and migrations run as roles that are none. Passwords
//! travel as parameters; no log and no statistics of the server keep them.

#[cfg(test)]
mod tests;

use platform::env::{Env, Secret};
use platform::postgres;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::Failure;
use crate::console::say;
use crate::database::{DATABASE_SQL, NAME, ROLES_SQL, set_password};

/// Everybody with a password of their own.
const LOG_INS: [&str; 7] = ["migrator", "writer", "relay", "projector", "reader", "doctor", "replication"];
/// `openssl rand -hex 24` gives 48; what people make up is guessed.
const PASSWORD_MIN_CHARACTERS: usize = 16;
const NAME_MAX_CHARACTERS: usize = 63;

#[derive(Debug, thiserror::Error)]
enum SetupError {
    #[error("these roles have no password yet, and none was given: {0:?} (SECURENET_<ROLE>_PASSWORD or …_FILE)")]
    NoPassword(Vec<&'static str>),
    #[error("SECURENET_ADMIN_URL is not a superuser's")]
    NoSuperuser,
}

struct Settings {
    /// `SECURENET_ADMIN_URL`: the server, as its superuser; which database does not matter.
    admin: PgConnectOptions,
    /// `SECURENET_DATABASE`
    database: String,
    /// `SECURENET_<ROLE>_PASSWORD`: those to be set; the others stay as they are.
    passwords: Vec<(&'static str, Secret)>,
}

impl Settings {
    fn from_env(env: &Env) -> Result<Self, Failure> {
        let url = env.secret("SECURENET_ADMIN_URL");
        let admin = postgres::Settings::from_env(env).options(&url);
        let database = env.optional("SECURENET_DATABASE").unwrap_or_else(|| NAME.to_owned());
        if !is_plain(&database) {
            env.fault("SECURENET_DATABASE takes small letters, digits and _, and begins with a letter");
        }
        let passwords = LOG_INS.iter().filter_map(|role| Some((*role, password(env, role)?))).collect();
        env.finish()?;
        Ok(Self { admin: admin?, database, passwords })
    }
}

pub(crate) async fn run() -> Result<(), Failure> {
    set_up(Settings::from_env(&Env::from_process())?).await
}

async fn set_up(Settings { admin, database, passwords }: Settings) -> Result<(), Failure> {
    let mut server = PgConnection::connect_with(&admin).await?;
    if !is_superuser(&mut server).await? {
        return Err(SetupError::NoSuperuser.into());
    }
    sqlx::raw_sql(ROLES_SQL).execute(&mut server).await?;
    for (role, password) in &passwords {
        set_password(&mut server, role, password).await?;
        say(&format!("role {role}: password set"));
    }
    let without = without_password(&mut server).await?;
    if !without.is_empty() {
        return Err(SetupError::NoPassword(without).into());
    }
    make_database(&mut server, &database).await?;
    server.close().await?;
    let mut inside = PgConnection::connect_with(&admin.database(&database)).await?;
    sqlx::raw_sql(DATABASE_SQL).execute(&mut inside).await?;
    inside.close().await?;
    say(&format!("database {database}: ready for the migrations (securenet migrate)"));
    Ok(())
}

fn password(env: &Env, role: &str) -> Option<Secret> {
    let name = format!("SECURENET_{}_PASSWORD", role.to_uppercase());
    let password = env.optional_secret(&name)?;
    if password.expose().chars().count() < PASSWORD_MIN_CHARACTERS {
        env.fault(format!("{name} has fewer than {PASSWORD_MIN_CHARACTERS} characters"));
    }
    Some(password)
}

async fn is_superuser(server: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetch_one(server).await
}

async fn without_password(server: &mut PgConnection) -> sqlx::Result<Vec<&'static str>> {
    let found: Vec<String> =
        sqlx::query_scalar("SELECT rolname::text FROM pg_authid WHERE rolname = ANY($1) AND rolpassword IS NULL")
            .bind(&LOG_INS[..])
            .fetch_all(server)
            .await?;
    Ok(LOG_INS.into_iter().filter(|role| found.iter().any(|found| found == role)).collect())
}

#[expect(clippy::disallowed_methods, reason = "a database's name cannot be bound; this one is letters, digits and _")]
async fn make_database(server: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(&mut *server)
        .await?;
    let make = format!("CREATE DATABASE {name} OWNER migrator");
    let give = format!("ALTER DATABASE {name} OWNER TO migrator");
    sqlx::raw_sql(AssertSqlSafe(if exists { give } else { make })).execute(server).await.map(drop)
}

fn is_plain(name: &str) -> bool {
    let begins_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    let plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_';
    begins_well && name.len() <= NAME_MAX_CHARACTERS && name.chars().all(plain)
}
