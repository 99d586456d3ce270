//! The database that tests copy: every role, every migration, applied once for each state of `migrations/`.
//!
//! Several test binaries may ask at the same moment; an advisory lock lets one of them work and the others wait.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{ROLES, connect};

/// Any number that nobody else locks.
const LOCK: i64 = 0x5EC0_4E37;
const HASH_CHARS: usize = 16;

/// Its name, once it is there.
pub(super) async fn ensure(admin: &PgConnectOptions) -> String {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let name = format!("securenet_template_{}", state_of(&migrations));
    let mut connection = connect(admin).await;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut connection).await.expect("a lock can be taken");
    let ready: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)")
            .bind(&name)
            .fetch_one(&mut connection)
            .await
            .expect("databases can be listed");
    if !ready {
        make(admin, &mut connection, &migrations, &name).await;
    }
    connection.close().await.ok(); // and with the session its lock
    name
}

async fn make(admin: &PgConnectOptions, connection: &mut PgConnection, migrations: &Path, name: &str) {
    let roles = std::fs::read_to_string(migrations.join("roles.sql")).expect("migrations/roles.sql can be read");
    run(connection, roles).await;
    for role in ROLES.into_iter().chain(["doctor", "replication"]) {
        run(connection, format!("ALTER ROLE {role} PASSWORD '{role}'")).await;
    }
    run(connection, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await; // what a killed test left half done
    run(connection, format!("CREATE DATABASE {name} OWNER migrator")).await;
    let migrator = admin.clone().database(name).username("migrator").password("migrator");
    let mut owner = connect(&migrator).await;
    let migrations = Migrator::new(migrations).await.expect("the migrations can be read");
    migrations.run(&mut owner).await.expect("the migrations apply");
    owner.close().await.expect("the owner's work is done");
    run(connection, format!("ALTER DATABASE {name} IS_TEMPLATE true ALLOW_CONNECTIONS false")).await;
}

/// Only our own files and names made of letters and digits come here.
async fn run(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.expect("a statement of the template applies");
}

fn state_of(migrations: &Path) -> String {
    let mut files: Vec<PathBuf> = std::fs::read_dir(migrations)
        .expect("migrations/ can be read")
        .map(|entry| entry.expect("migrations/ can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.file_name().expect("a file has a name").as_encoded_bytes());
        hash.update(std::fs::read(&file).expect("a migration can be read"));
    }
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    digits[..HASH_CHARS].to_owned()
}
