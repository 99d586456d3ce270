use std::collections::BTreeSet;
use std::path::Path;

use platform::testing::{PrivateCluster, TestCluster, TestDatabase, database};
use sqlx::PgPool;

use super::*;
use crate::database::DATABASE_SQL;

/// Run with `UPDATE_INDEXES=1` after a migration that makes an index.
#[tokio::test]
async fn the_indexes_expected_are_those_the_migrations_make() {
    let database = database().await;
    let mut admin = PgConnection::connect_with(&database.admin()).await.unwrap();
    let made: BTreeSet<String> =
        indexes::all(&mut admin).await.unwrap().into_iter().map(|index| index.definition).collect();
    let made: String = made.iter().map(|definition| format!("{definition}\n")).collect();
    if std::env::var_os("UPDATE_INDEXES").is_some() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/doctor/indexes.txt");
        std::fs::write(file, &made).unwrap();
        return;
    }
    assert_eq!(made, indexes::EXPECTED, "UPDATE_INDEXES=1 cargo test -p securenet indexes, and read the difference");
}

/// With the settings we ship, as far as they are not about directories and devices of a machine.
const SHIPPED: &str = "-c listen_addresses=127.0.0.1 -c shared_buffers=128MB -c huge_pages=off \
    -c config_file=postgresql.conf -c data_directory=data -c hba_file=data/pg_hba.conf -c ident_file=data/pg_ident.conf";

struct Patient {
    cluster: TestCluster,
    database: TestDatabase,
    admin: PgPool,
}

/// A server that runs on the very file we ship, set up and migrated.
async fn patient() -> Patient {
    let shipped = include_str!("../../../compose/postgres/postgresql.conf");
    let server = PrivateCluster::prepared(SHIPPED, |tools| {
        tools.write(&tools.place().join("postgresql.conf"), shipped).unwrap();
    });
    let cluster = TestCluster::on(server).await;
    let database = cluster.database().await;
    let admin = database.admin_pool().await;
    sqlx::raw_sql(DATABASE_SQL).execute(&admin).await.unwrap();
    Patient { cluster, database, admin }
}

impl Patient {
    async fn findings(&self) -> Vec<Finding> {
        let url = self.database.url_at(self.cluster.server().unwrap().port(), "doctor");
        examine(&url.parse().unwrap()).await
    }

    /// What is worse than a note, as `check subject`.
    async fn complaints(&self) -> Vec<String> {
        let found = self.findings().await.into_iter().filter(|finding| finding.level > Level::Note);
        found.map(|finding| format!("{} {}", finding.check, finding.subject).trim_end().to_owned()).collect()
    }

    async fn hurt(&self, statement: &'static str) {
        sqlx::raw_sql(statement).execute(&self.admin).await.unwrap();
    }
}

#[tokio::test]
async fn a_deployment_as_we_ship_it_is_well_and_each_wound_is_found_with_what_mends_it() {
    let patient = patient().await;
    // The template of the tests sets the roles' passwords and nothing else that differs.
    assert_eq!(patient.complaints().await, [""; 0], "{:?}", patient.findings().await);
    let reader = patient.database.pool("reader").await;
    sqlx::query("SELECT count(*) FROM read.devices WHERE name = $1").bind("a switch").fetch_one(&reader).await.unwrap();
    let top = patient.findings().await;
    let costly = |finding: &Finding| finding.check == "statements" && finding.says.contains("FROM read.devices");
    assert!(top.iter().any(costly), "{top:?}");

    for (wound, complaint, remedy) in [
        (
            "ALTER ROLE reader SET statement_timeout = 0",
            "roles reader",
            "ALTER ROLE reader SET statement_timeout = '5s'",
        ),
        ("ALTER ROLE writer BYPASSRLS", "roles writer", "ALTER ROLE writer NOBYPASSRLS"),
        ("GRANT pg_read_all_data TO reader", "roles reader", "REVOKE pg_read_all_data FROM reader"),
        (
            "ALTER TABLE store.events NO FORCE ROW LEVEL SECURITY",
            "row-security store.events",
            "ALTER TABLE store.events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        ),
        (
            "ALTER VIEW read.devices SET (security_invoker = false)",
            "row-security read.devices",
            "ALTER VIEW read.devices SET (security_invoker = true)",
        ),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'store.events_pkey'::regclass",
            "indexes store.events_pkey",
            "UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'store.events_pkey'::regclass",
        ),
        (
            "UPDATE _sqlx_migrations SET success = false WHERE version = 3",
            "migrations 0003",
            "UPDATE _sqlx_migrations SET success = true WHERE version = 3",
        ),
        (
            "SELECT pg_create_physical_replication_slot('forgotten', true)",
            "replication slot forgotten",
            "SELECT pg_drop_replication_slot('forgotten')",
        ),
    ] {
        patient.hurt(wound).await;
        let found = patient.findings().await;
        let about = |finding: &&Finding| format!("{} {}", finding.check, finding.subject) == complaint;
        let finding = found.iter().find(about).unwrap_or_else(|| panic!("{wound}: {found:?}"));
        assert!(finding.level > Level::Note && finding.mend.is_some(), "{finding:?}");
        patient.hurt(remedy).await;
        assert_eq!(patient.complaints().await, [""; 0], "after {remedy}");
    }
}

#[tokio::test]
async fn what_a_missing_index_says_to_run_makes_it_again() {
    let patient = patient().await;
    let (name, dropped): (String, String) = sqlx::query_as(
        "SELECT indexname::text, format('DROP INDEX %I.%I', schemaname, indexname) FROM pg_indexes
         WHERE schemaname = 'store' AND tablename = 'streams' AND indexname NOT LIKE '%pkey' ORDER BY 1 LIMIT 1",
    )
    .fetch_one(&patient.admin)
    .await
    .unwrap();
    run_any(&patient.admin, dropped).await;
    let found = patient.findings().await;
    let missing = found.iter().find(|finding| finding.check == "indexes" && finding.subject == name).unwrap();
    run_any(&patient.admin, missing.mend.clone().unwrap()).await;
    assert_eq!(patient.complaints().await, [""; 0]);
}

#[tokio::test]
async fn who_cannot_look_says_so_and_nothing_of_the_password() {
    let database = database().await;
    let url = database.url("doctor").replace(&database.name, "nowhere");
    let found = examine(&url.parse().unwrap()).await;
    let text = report::table(&found) + &report::json_lines(&found);
    assert_eq!(found[0].level, Level::Bad);
    assert!(!text.contains("doctor:doctor"), "{text}");
}

#[test]
fn a_table_is_for_people_and_lines_are_for_programs() {
    let findings = [
        Finding::fine("tables"),
        Finding::bad("roles", "reader", "it has no lock_timeout".to_owned()).mend("run `securenet setup`"),
        Finding::warning("settings", "jit", "it is `on`".to_owned()),
    ];
    let table = report::table(&findings);
    assert!(table.starts_with("BAD ") && table.contains("→ run `securenet setup`"), "{table}");
    assert!(table.ends_with("1 bad, 1 to look at, 0 noted\n"), "{table}");
    let lines: Vec<serde_json::Value> =
        report::json_lines(&findings).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (lines.len(), &lines[1]["level"], &lines[1]["mend"]),
        (3, &"bad".into(), &"run `securenet setup`".into())
    );
    assert_eq!(Level::Bad.exit_code() + Level::Warning.exit_code() + Level::Note.exit_code(), 3);
}

#[expect(clippy::disallowed_methods, reason = "what the doctor says to run is run as it stands")]
async fn run_any(admin: &PgPool, statement: String) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(admin).await.unwrap();
}
