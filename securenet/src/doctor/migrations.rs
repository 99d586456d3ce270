//! The migrations that were applied against those in this binary.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::finding::Finding;
use crate::database::MIGRATIONS;

pub(super) async fn check(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let there: bool =
        sqlx::query_scalar("SELECT to_regclass('public._sqlx_migrations') IS NOT NULL").fetch_one(&mut *c).await?;
    if !there {
        let says = "no migration was ever applied".to_owned();
        return Ok(vec![Finding::bad("migrations", "all", says).mend("securenet migrate")]);
    }
    let applied: Vec<(i64, bool, Vec<u8>)> =
        sqlx::query_as("SELECT version, success, checksum FROM public._sqlx_migrations ORDER BY version")
            .fetch_all(c)
            .await?;
    let applied: BTreeMap<_, _> =
        applied.into_iter().map(|(version, success, sum)| (version, (success, sum))).collect();
    let ours = || MIGRATIONS.iter().map(|migration| (migration.version, migration.checksum.to_vec()));
    let mut findings = vec![];
    for (version, checksum) in ours() {
        let name = format!("{version:04}");
        match applied.get(&version) {
            None => findings
                .push(Finding::bad("migrations", name, "it was not applied".to_owned()).mend("securenet migrate")),
            Some((false, _)) => findings.push(
                Finding::bad("migrations", name, "it failed half-way".to_owned())
                    .mend("undo what it did, delete its row in _sqlx_migrations, securenet migrate"),
            ),
            Some((true, sum)) if *sum != checksum => findings.push(
                Finding::bad("migrations", name, "another text was applied under this number".to_owned())
                    .mend("run the release that made this database, and report it"),
            ),
            Some((true, _)) => {}
        }
    }
    let newest = ours().map(|(version, _)| version).max().unwrap_or(0);
    if let Some((newer, _)) = applied.last_key_value().filter(|(version, _)| **version > newest) {
        let says = "this database is newer than this binary".to_owned();
        findings.push(Finding::warning("migrations", format!("{newer:04}"), says).mend("update the binary"));
    }
    Ok(findings)
}
