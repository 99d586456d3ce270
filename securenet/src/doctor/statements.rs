//! Where the time goes, by `pg_stat_statements`: the five costliest statements of the services, and those that are slow each time.
//!
//! Constants are parameters there, save where an entry's text came back raw; a text with a quoted value, or of anything
//! but a query, is shown by its number alone.

use sqlx::PgConnection;

use super::finding::Finding;

const SLOW_MEAN_MS: f64 = 500.0;
const SLOW_CALLS_MIN: i64 = 10;
const TEXT_MAX_CHARACTERS: usize = 100;
const INSTALL: &str = "shared_preload_libraries = 'pg_stat_statements', restart Postgres, run `securenet setup`";

pub(super) async fn check(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let (installed, loaded): (bool, bool) = sqlx::query_as(
        "SELECT to_regclass('monitoring.pg_stat_statements') IS NOT NULL,
                current_setting('shared_preload_libraries') ~ '\\mpg_stat_statements\\M'",
    )
    .fetch_one(&mut *c)
    .await?;
    if !(installed && loaded) {
        let says = "nobody counts what statements cost".to_owned();
        return Ok(vec![Finding::warning("statements", "pg_stat_statements", says).mend(INSTALL)]);
    }
    let mut findings = costliest(c).await?;
    findings.extend(slow(c).await?);
    Ok(findings)
}

async fn costliest(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let top: Vec<(i64, String, i64, f64, f64, f64)> = sqlx::query_as(
        "SELECT queryid, query, calls, mean_exec_time, total_exec_time / 1000,
                100 * total_exec_time / nullif(sum(total_exec_time) OVER (), 0)
         FROM monitoring.pg_stat_statements
         WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND total_exec_time > 0
           AND userid IN (SELECT oid FROM pg_roles WHERE rolname IN ('writer', 'relay', 'projector', 'reader'))
         ORDER BY total_exec_time DESC LIMIT 5",
    )
    .fetch_all(c)
    .await?;
    let finding = |(id, text, calls, mean, total, share): (i64, String, i64, f64, f64, f64)| {
        let says = format!("{share:.0} %: {total:.1} s in {calls} calls, {mean:.2} ms each: {}", shown(&text));
        Finding::note("statements", format!("query {id}"), says)
    };
    Ok(top.into_iter().map(finding).collect())
}

async fn slow(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let slow: Vec<(i64, String, i64, f64, f64, String)> = sqlx::query_as(
        "SELECT queryid, query, calls, mean_exec_time, max_exec_time, coalesce(r.rolname::text, '?')
         FROM monitoring.pg_stat_statements s LEFT JOIN pg_roles r ON r.oid = s.userid
         WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND mean_exec_time > $1 AND calls >= $2
         ORDER BY mean_exec_time DESC LIMIT 10",
    )
    .bind(SLOW_MEAN_MS)
    .bind(SLOW_CALLS_MIN)
    .fetch_all(c)
    .await?;
    let finding = |(id, text, calls, mean, max, role): (i64, String, i64, f64, f64, String)| {
        let says = format!("{role}: {mean:.0} ms each (at most {max:.0}) in {calls} calls: {}", shown(&text));
        Finding::warning("statements", format!("query {id}"), says)
            .mend("find it in the slow-query log, EXPLAIN (ANALYZE, BUFFERS) it, look at indexes and dead rows above")
    };
    Ok(slow.into_iter().map(finding).collect())
}

/// The text on one line, if it can hold nothing of anybody's.
fn shown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
    let is_query = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&verb.as_str());
    if !is_query || line.contains(['\'', '$']) && line.contains('\'') {
        return "(text withheld)".to_owned();
    }
    line.chars().take(TEXT_MAX_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_text_that_could_hold_a_value_is_withheld() {
        assert_eq!(shown("SELECT  a\n FROM t WHERE b = $1"), "SELECT a FROM t WHERE b = $1");
        assert_eq!(shown("select 'ana@example.com'"), "(text withheld)");
        assert_eq!(shown("ALTER ROLE writer PASSWORD $1"), "(text withheld)");
        assert!(shown(&format!("SELECT {}", "a, ".repeat(200))).len() <= 100);
    }
}
