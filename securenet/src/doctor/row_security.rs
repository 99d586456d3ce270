//! Row-level security on every table of ours, forced also upon their owner, and views that ask as their caller.

use sqlx::PgConnection;

use super::finding::Finding;

pub(super) async fn check(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let relations: Vec<(String, bool, bool, i64)> = sqlx::query_as(
        "SELECT format('%I.%I', n.nspname, c.relname), c.relkind = 'v',
                CASE WHEN c.relkind = 'v' THEN coalesce('security_invoker=true' = ANY (c.reloptions), false)
                     ELSE c.relrowsecurity AND c.relforcerowsecurity END,
                (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE (n.nspname IN ('store', 'read') OR n.nspname ~ '^read_g[0-9]+$') AND c.relkind IN ('r', 'p', 'v')
         ORDER BY 1",
    )
    .fetch_all(c)
    .await?;
    if relations.is_empty() {
        let says = "there are no tables of ours".to_owned();
        return Ok(vec![Finding::bad("row-security", "all", says).mend("securenet migrate")]);
    }
    Ok(relations
        .iter()
        .filter_map(|(name, is_view, guarded, policies)| judge(name, *is_view, *guarded, *policies))
        .collect())
}

fn judge(name: &str, is_view: bool, guarded: bool, policies: i64) -> Option<Finding> {
    match (is_view, guarded) {
        (true, false) => Some(
            Finding::bad("row-security", name, "the view shows its owner's rows to its callers".to_owned())
                .mend(format!("ALTER VIEW {name} SET (security_invoker = true)")),
        ),
        (false, false) => Some(
            Finding::bad("row-security", name, "its policies do not hold for everybody".to_owned())
                .mend(format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")),
        ),
        (false, true) if policies == 0 => Some(
            Finding::warning("row-security", name, "it has no policy, so nobody sees its rows".to_owned())
                .mend("compare it with the migrations; a policy was dropped"),
        ),
        (true, true) | (false, true) => None,
    }
}
