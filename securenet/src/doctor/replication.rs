//! Standbys and how far behind they are, slots that hold the log back, and the archive.

use sqlx::PgConnection;

use super::finding::Finding;

/// Past this queries do not go to a standby any more.
const LAG_MAX_SECONDS: f64 = 5.0;
const RETAINED_MAX_BYTES: i64 = 1 << 30;

pub(super) async fn check(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let mut findings = standbys(c).await?;
    findings.extend(slots(c).await?);
    let failing: bool = sqlx::query_scalar(
        "SELECT coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) FROM pg_stat_archiver",
    )
    .fetch_one(c)
    .await?;
    if failing {
        findings.push(
            Finding::bad("replication", "archive", "the last file of the log could not be archived".to_owned())
                .mend("look at archive_command in the server's log; until then the log fills the disk"),
        );
    }
    Ok(findings)
}

async fn standbys(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let standbys: Vec<(String, String, f64, String)> = sqlx::query_as(
        "SELECT application_name, state, coalesce(extract(epoch FROM replay_lag), 0)::float8, sync_state
         FROM pg_stat_replication WHERE state <> 'backup' ORDER BY 1",
    )
    .fetch_all(c)
    .await?;
    let finding = |(name, state, lag, sync): (String, String, f64, String)| {
        if state == "streaming" && lag <= LAG_MAX_SECONDS {
            return Finding::note("replication", name, format!("streaming ({sync}), {lag:.1} s behind"));
        }
        Finding::warning("replication", name, format!("{state} ({sync}), {lag:.1} s behind"))
            .mend("look at the standby's log, its disk, and queries there that hold replay back")
    };
    Ok(standbys.into_iter().map(finding).collect())
}

async fn slots(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let slots: Vec<(String, bool, String, i64)> = sqlx::query_as(
        "SELECT slot_name::text, active, coalesce(wal_status, '?'),
                CASE WHEN pg_is_in_recovery() THEN 0 ELSE coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint END
         FROM pg_replication_slots WHERE NOT temporary ORDER BY 1",
    )
    .fetch_all(c)
    .await?;
    let finding = |(name, active, status, retained): (String, bool, String, i64)| {
        let mend =
            format!("start its standby, or, if that is gone for good: SELECT pg_drop_replication_slot('{name}')");
        let mib = retained >> 20;
        match (status.as_str(), active) {
            ("lost" | "unreserved", _) => Some(
                Finding::bad("replication", format!("slot {name}"), "the log its standby needs is gone".to_owned())
                    .mend(format!("SELECT pg_drop_replication_slot('{name}'), then copy the standby anew")),
            ),
            (_, false) => {
                let says = format!("nobody reads it, and it holds {mib} MiB of the log back");
                Some(Finding::warning("replication", format!("slot {name}"), says).mend(mend))
            }
            (_, true) if retained > RETAINED_MAX_BYTES => {
                let says = format!("it holds {mib} MiB of the log back");
                Some(Finding::warning("replication", format!("slot {name}"), says).mend(mend))
            }
            (_, true) => None,
        }
    };
    Ok(slots.into_iter().filter_map(finding).collect())
}
