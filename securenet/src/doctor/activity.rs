//! Who is connected: how near the limit, whose transaction has been open for long, who waits for a lock.
//!
//! It names sessions by role, program and process, never by what they say.

use sqlx::PgConnection;

use super::finding::Finding;

const FULL_WARNING: f64 = 0.8;
const FULL_BAD: f64 = 0.95;
const TRANSACTION_MAX_SECONDS: f64 = 300.0;
const WAIT_MAX_SECONDS: f64 = 10.0;

pub(super) async fn check(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let mut findings = fullness(c).await?;
    findings.extend(sessions(c).await?);
    let prepared: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_prepared_xacts").fetch_one(c).await?;
    if prepared > 0 {
        findings.push(
            Finding::bad(
                "connections",
                "prepared transactions",
                format!("{prepared} wait for a second phase that we never use"),
            )
            .mend("SELECT format('ROLLBACK PREPARED %L', gid) FROM pg_prepared_xacts \\gexec"),
        );
    }
    Ok(findings)
}

async fn fullness(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let (open, max): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
                current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint",
    )
    .fetch_one(c)
    .await?;
    #[expect(clippy::cast_precision_loss, reason = "hundreds of connections")]
    let share = open as f64 / max.max(1) as f64;
    let says = format!("{open} of {max} connections are open");
    let mend = "lower SECURENET_CONNECTIONS, put PgBouncer in between, or raise max_connections (docs/postgres.md)";
    Ok(match share {
        share if share >= FULL_BAD => vec![Finding::bad("connections", "open", says).mend(mend)],
        share if share >= FULL_WARNING => vec![Finding::warning("connections", "open", says).mend(mend)],
        _ => vec![],
    })
}

async fn sessions(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let sessions: Vec<(i32, String, f64, bool)> = sqlx::query_as(
        "SELECT pid, coalesce(usename::text, '?') || ' (' || left(application_name, 40) || ')',
                extract(epoch FROM clock_timestamp() - coalesce(CASE WHEN wait_event_type = 'Lock' THEN query_start END, xact_start))::float8,
                coalesce(wait_event_type = 'Lock', false)
         FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
         ORDER BY 3 DESC",
    )
    .fetch_all(c)
    .await?;
    let finding = |(pid, who, seconds, waits): (i32, String, f64, bool)| {
        let says = match waits {
            true if seconds > WAIT_MAX_SECONDS => format!("waits for a lock since {seconds:.0} s"),
            false if seconds > TRANSACTION_MAX_SECONDS => format!("its transaction is open since {seconds:.0} s"),
            true | false => return None,
        };
        let mend = if waits {
            format!("SELECT pg_terminate_backend(unnest(pg_blocking_pids({pid})))")
        } else {
            format!("SELECT pg_terminate_backend({pid})")
        };
        Some(Finding::warning("connections", format!("{pid} {who}"), says).mend(mend))
    };
    Ok(sessions.into_iter().filter_map(finding).collect())
}
