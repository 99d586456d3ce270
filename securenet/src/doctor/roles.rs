//! The roles as `migrations/roles.sql` makes them: none above the policies, each with its time-outs, the database theirs
//! alone. Whether they have passwords only a superuser can see; `securenet setup` does not end before they have.

use sqlx::{FromRow, PgConnection};

use super::finding::Finding;

const SETUP: &str = "run `securenet setup` (or compose/postgres/setup.sh)";
const SERVICES: [&str; 4] = ["writer", "relay", "projector", "reader"];
const ALL: [&str; 7] = ["migrator", "writer", "relay", "projector", "reader", "doctor", "replication"];
const EXPIRY_WARNING_DAYS: f64 = 14.0;

#[derive(FromRow)]
struct Role {
    name: String,
    above_policies: bool,
    makes_others: bool,
    replicates: bool,
    logs_in: bool,
    settings: Vec<String>,
    member_of: Vec<String>,
    days_left: Option<f64>,
}

pub(super) async fn check(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let roles: Vec<Role> = sqlx::query_as(
        "SELECT r.rolname::text AS name, r.rolsuper OR r.rolbypassrls AS above_policies,
                r.rolcreaterole OR r.rolcreatedb AS makes_others, r.rolreplication AS replicates,
                r.rolcanlogin AS logs_in, coalesce(r.rolconfig, '{}') AS settings,
                ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid) AS member_of,
                extract(epoch FROM nullif(r.rolvaliduntil, 'infinity') - now())::float8 / 86400 AS days_left
         FROM pg_roles r WHERE r.rolname = ANY($1)",
    )
    .bind(&ALL[..])
    .fetch_all(&mut *c)
    .await?;
    let missing = ALL.iter().filter(|name| !roles.iter().any(|role| role.name == **name));
    let mut findings: Vec<_> =
        missing.map(|name| Finding::bad("roles", *name, "the role is missing".to_owned()).mend(SETUP)).collect();
    findings.extend(roles.iter().flat_map(judge));
    let open: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
                        WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type = 'CONNECT')",
    )
    .fetch_one(c)
    .await?;
    if open {
        findings.push(
            Finding::warning("roles", "PUBLIC", "any role of the server may enter the database".to_owned()).mend(SETUP),
        );
    }
    Ok(findings)
}

fn judge(role: &Role) -> Vec<Finding> {
    let name = role.name.as_str();
    let mut findings = vec![];
    let mut bad = |says: String| findings.push(Finding::bad("roles", name, says).mend(SETUP));
    if role.above_policies {
        bad("it is a superuser or bypasses row-level security".to_owned());
    }
    if role.makes_others {
        bad("it may create roles or databases".to_owned());
    }
    if role.replicates && name != "replication" {
        bad("it may read the server's whole log".to_owned());
    }
    let strange = role.member_of.iter().filter(|group| !(name == "doctor" && *group == "pg_monitor"));
    for group in strange {
        findings.push(
            Finding::bad("roles", name, format!("it is a member of {group}"))
                .mend(format!("REVOKE {group} FROM {name}")),
        );
    }
    if !role.logs_in {
        findings.push(Finding::warning("roles", name, "it may not log in".to_owned()).mend(SETUP));
    }
    if SERVICES.contains(&name) {
        let lacking = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]
            .into_iter()
            .filter(|setting| !has(role, setting));
        findings.extend(lacking.map(|setting| Finding::bad("roles", name, format!("it has no {setting}")).mend(SETUP)));
    }
    if matches!(name, "writer" | "projector") && !has(role, "plan_cache_mode") {
        findings
            .push(Finding::warning("roles", name, "its plans are not pinned to index look-ups".to_owned()).mend(SETUP));
    }
    if let Some(days) = role.days_left.filter(|days| *days < EXPIRY_WARNING_DAYS) {
        let says = format!("its password ends in {days:.0} days");
        findings.push(Finding::warning("roles", name, says).mend(format!("ALTER ROLE {name} VALID UNTIL 'infinity'")));
    }
    findings
}

fn has(role: &Role, setting: &str) -> bool {
    let value = role.settings.iter().find_map(|line| line.strip_prefix(setting)?.strip_prefix('='));
    value.is_some_and(|value| value != "0")
}
