//! Dead rows that nobody took away, tables autovacuum does not get to, and transaction numbers that run out.

use sqlx::PgConnection;

use super::finding::Finding;

/// Below this many a table is swept in a blink.
const DEAD_MIN: i64 = 50_000;
const DEAD_SHARE_MAX: f64 = 0.3;
/// Postgres refuses commands at two thousand million.
const AGE_WARNING: i64 = 500_000_000;
const AGE_BAD: i64 = 1_000_000_000;

pub(super) async fn check(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let mut findings = dead_rows(c).await?;
    findings.extend(ages(c).await?);
    Ok(findings)
}

async fn dead_rows(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let tables: Vec<(String, i64, i64, Option<f64>)> = sqlx::query_as(
        "SELECT format('%I.%I', schemaname, relname), n_dead_tup, n_live_tup,
                extract(epoch FROM now() - greatest(last_vacuum, last_autovacuum))::float8 / 3600
         FROM pg_stat_user_tables WHERE n_dead_tup >= $1 ORDER BY n_dead_tup DESC",
    )
    .bind(DEAD_MIN)
    .fetch_all(c)
    .await?;
    let crowded = tables.into_iter().filter(|(_, dead, live, _)| share(*dead, *live) > DEAD_SHARE_MAX);
    let finding = |(table, dead, live, hours): (String, i64, i64, Option<f64>)| {
        let last = hours.map_or("never vacuumed".to_owned(), |hours| format!("vacuumed {hours:.1} h ago"));
        let says = format!("{dead} dead rows, {:.0} % of it, {last}", share(dead, live) * 100.0);
        Finding::warning("tables", table.clone(), says).mend(format!(
            "VACUUM (ANALYZE) {table}; if they stay, an old transaction, slot or standby holds them (see below)"
        ))
    };
    Ok(crowded.map(finding).collect())
}

async fn ages(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let ages: Vec<(String, i64)> = sqlx::query_as(
        "SELECT 'database ' || datname, age(datfrozenxid)::bigint FROM pg_database WHERE datallowconn
         UNION ALL SELECT 'database ' || datname || ' (multixacts)', mxid_age(datminmxid)::bigint FROM pg_database WHERE datallowconn
         ORDER BY 2 DESC",
    )
    .fetch_all(c)
    .await?;
    let finding = |(subject, age): (String, i64)| {
        let says = format!("its oldest unfrozen number is {} million old", age / 1_000_000);
        let found = match age {
            AGE_BAD.. => Finding::bad("tables", subject, says),
            AGE_WARNING.. => Finding::warning("tables", subject, says),
            _ => return None,
        };
        Some(found.mend("vacuumdb --all --freeze --jobs=2"))
    };
    Ok(ages.into_iter().filter_map(finding).collect())
}

#[expect(clippy::cast_precision_loss, reason = "a share of rows need not be exact")]
fn share(dead: i64, live: i64) -> f64 {
    dead as f64 / (dead + live).max(1) as f64
}
