//! The server itself, and its settings against those that `compose/postgres/postgresql.conf` ships.

use sqlx::PgConnection;

use super::finding::Finding;

const SHIPPED: &str = include_str!("../../../compose/postgres/postgresql.conf");
const VERSION_MIN: i32 = 150_000;
/// Off, an accepted command may be lost.
const DURABLE: [&str; 3] = ["fsync", "full_page_writes", "autovacuum"];
/// Not a matter of the machine's size: whoever differs ought to know why.
const SHIPPED_FOR_A_REASON: [&str; 21] = [
    "password_encryption",
    "client_connection_check_interval",
    "wal_level",
    "wal_compression",
    "max_slot_wal_keep_size",
    "checkpoint_timeout",
    "hot_standby_feedback",
    "random_page_cost",
    "effective_io_concurrency",
    "jit",
    "autovacuum_naptime",
    "autovacuum_max_workers",
    "autovacuum_vacuum_cost_limit",
    "shared_preload_libraries",
    "track_io_timing",
    "log_min_duration_statement",
    "log_parameter_max_length",
    "log_parameter_max_length_on_error",
    "log_lock_waits",
    "log_checkpoints",
    "superuser_reserved_connections",
];

pub(super) async fn server(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let (version, shown, standby, encrypted, local): (i32, String, bool, bool, bool) = sqlx::query_as(
        "SELECT current_setting('server_version_num')::int, current_setting('server_version'), pg_is_in_recovery(),
                coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
                inet_client_addr() IS NULL OR inet_client_addr() <<= '127.0.0.0/8' OR inet_client_addr() = '::1'",
    )
    .fetch_one(c)
    .await?;
    let mut findings = vec![Finding::note("server", "version", format!("PostgreSQL {shown}"))];
    if version < VERSION_MIN {
        findings.push(
            Finding::bad("server", "version", "SecureNet needs PostgreSQL 15 or newer".to_owned())
                .mend("pg_upgrade to a supported version"),
        );
    }
    if standby {
        findings.push(
            Finding::warning("server", "role", "this is a standby; the primary tells more".to_owned())
                .mend("point SECURENET_DOCTOR_URL at the primary"),
        );
    }
    if !encrypted && !local {
        findings.push(
            Finding::warning("server", "encryption", "this connection crosses a network in the clear".to_owned())
                .mend("ssl = on, `hostssl` in pg_hba.conf, SECURENET_POSTGRES_CA_FILE for every service"),
        );
    }
    Ok(findings)
}

pub(super) async fn check(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let wanted: Vec<&str> =
        DURABLE.iter().chain(&SHIPPED_FOR_A_REASON).chain(&["synchronous_commit"]).copied().collect();
    let found: Vec<(String, String, String, bool)> = sqlx::query_as(
        "SELECT name, coalesce(current_setting(name, true), ''), context, pending_restart FROM pg_settings
         WHERE name = ANY($1) ORDER BY name",
    )
    .bind(&wanted)
    .fetch_all(c)
    .await?;
    Ok(found.iter().filter_map(|(name, value, context, pending)| judge(name, value, context, *pending)).collect())
}

fn judge(name: &str, value: &str, context: &str, pending: bool) -> Option<Finding> {
    if DURABLE.contains(&name) {
        let mend = format!("ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf()");
        let says = "it is off: a crash may lose what was accepted, or bury it".to_owned();
        return (value != "on").then(|| Finding::bad("settings", name, says).mend(mend));
    }
    if name == "synchronous_commit" {
        let mend = "ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf()";
        let says = format!("it is {value}: a 201 is answered before its event is safe");
        return matches!(value, "off" | "local").then(|| Finding::bad("settings", name, says).mend(mend));
    }
    if pending {
        return Some(
            Finding::warning("settings", name, "changed, but the server was not restarted since".to_owned())
                .mend("restart Postgres"),
        );
    }
    let shipped = shipped(name)?;
    let then = if context == "postmaster" { "then restart Postgres" } else { "SELECT pg_reload_conf()" };
    (value != shipped).then(|| {
        Finding::warning("settings", name, format!("it is `{value}`, shipped is `{shipped}`"))
            .mend(format!("ALTER SYSTEM SET {name} = '{shipped}'; {then}"))
    })
}

/// A line `name = value   # why`.
fn shipped(name: &str) -> Option<&'static str> {
    SHIPPED.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        let value = value.split('#').next().unwrap_or_default();
        (key.trim() == name).then(|| value.trim().trim_matches('\''))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_that_is_compared_is_shipped() {
        for name in DURABLE.iter().chain(&SHIPPED_FOR_A_REASON).chain(&["synchronous_commit"]) {
            assert!(shipped(name).is_some_and(|value| !value.is_empty()), "{name}");
        }
    }

    #[test]
    fn what_endangers_the_log_is_worse_than_what_differs() {
        let off = judge("fsync", "off", "sighup", false).unwrap();
        assert_eq!(
            (off.level, off.mend.as_deref()),
            (super::super::Level::Bad, Some("ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf()"))
        );
        assert_eq!(judge("jit", "on", "user", false).unwrap().level, super::super::Level::Warning);
        assert!(judge("jit", "off", "user", false).is_none());
        assert!(judge("synchronous_commit", "remote_apply", "user", false).is_none());
        assert_eq!(judge("synchronous_commit", "local", "user", false).unwrap().level, super::super::Level::Bad);
    }
}
