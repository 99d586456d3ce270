//! Point and list queries on a tenant with many findings, over HTTP, authorized and under row-level security.
//!
//! The findings are put straight into the read model: what is measured is the query side. They are the demo
//! organization's, so that the caller's rights are the real ones.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::client::Client;
use crate::load::closed_loop;
use crate::process::Process;
use crate::report::Report;
use crate::{Failed, Outcome};

const CONNECTIONS: usize = 64;
/// Findings whose ids the point query asks for in turn.
const ASKED: i64 = 10_000;
const TARGET: &str = "≥ 5,000 req/s, p99 < 20 ms";

const FILL: &str = r#"
INSERT INTO read_g1.findings (tenant_id, finding_id, version, severity, detected, disposition, remediation, type, title,
    cvss_score_tenths, cves, tool, raised_at, last_changed_at, last_observed_at, raised_by, description, cvss_vectors,
    rule, protocol, port, metadata_json)
SELECT $1, gen_random_uuid(), 1, n % 6, n % 10 <> 0, CASE n % 7 WHEN 0 THEN 'confirmed' ELSE 'untriaged' END,
    CASE n % 5 WHEN 0 THEN 'in-progress' ELSE 'open' END, 'vulnerability', 'Outdated service ' || n,
    (n % 101)::int, ARRAY['CVE-2021-' || 10000 + n % 40000], 'benchmark', now() - n * interval '1 second',
    now() - n * interval '1 second', now(), 'operator',
    'The service answers with a version that is known to be vulnerable.', ARRAY[]::text[], 'rule-' || n, 'tcp', 443, '{}'
FROM generate_series(1, $2::bigint) n"#;
const FILL_CVES: &str = "INSERT INTO read_g1.finding_cves (tenant_id, cve, finding_id) \
    SELECT tenant_id, c, finding_id FROM read_g1.findings, unnest(cves) c WHERE tenant_id = $1 AND tool = 'benchmark' \
    ON CONFLICT DO NOTHING";

pub(crate) async fn measure(process: &Process, duration: Duration, findings: u64, report: &mut Report) -> Outcome {
    let token = process.log_in("analyst").await?;
    let ids = fill(process, &token, i64::try_from(findings)?).await?;
    let point: Vec<String> = ids.iter().map(|id| format!("/v1/findings/{id}")).collect();
    let lists = |query: &str| vec![format!("/v1/findings?limit=50{query}")];
    for (what, paths) in [
        ("GET one finding", point),
        ("GET findings by severity, 50", lists("")),
        ("GET findings by last change, 50", lists("&sort=last_change")),
        ("GET findings: critical, open, by last change", lists("&severity=critical&detected=true&sort=last_change")),
        ("GET findings of one CVE", lists("&cve=CVE-2021-10007")),
        ("GET summary", vec!["/v1/summary".to_owned()]),
    ] {
        let load = run(process, &token, duration, paths).await?;
        let what = format!("{what}, {findings} findings, {CONNECTIONS} connections");
        report.load(&what, &load, "req/s", None, if what.contains("summary") { "≥ 15,000 req/s" } else { TARGET });
    }
    let (now, peak) = process.memory()?;
    report.plain("resident memory after the queries", format!("{now} MiB, at most {peak} MiB"), "< 150 MiB");
    Ok(())
}

async fn fill(process: &Process, token: &str, findings: i64) -> Outcome<Vec<Uuid>> {
    let organization = Client::connect(&process.host, token).await?.get("/v1/organization", None).await?.expect(200)?;
    let tenant: Uuid = organization.json()?["id"].as_str().unwrap_or_default().parse()?;
    let mut connection = PgConnection::connect(&process.superuser()?).await?;
    sqlx::query(FILL).bind(tenant).bind(findings).execute(&mut connection).await?;
    sqlx::query(FILL_CVES).bind(tenant).execute(&mut connection).await?;
    // One by one: several in one text are one transaction, in which there is no VACUUM.
    for statement in ["VACUUM ANALYZE read_g1.findings, read_g1.finding_cves", "CHECKPOINT"] {
        sqlx::raw_sql(statement).execute(&mut connection).await?;
    }
    let ids = sqlx::query_scalar(
        "SELECT finding_id FROM read_g1.findings WHERE tenant_id = $1 AND tool = 'benchmark' LIMIT $2",
    );
    Ok(ids.bind(tenant).bind(ASKED).fetch_all(&mut connection).await?)
}

async fn run(process: &Process, token: &str, duration: Duration, paths: Vec<String>) -> Outcome<crate::load::Load> {
    let mut clients = Vec::new();
    for caller in 0..CONNECTIONS {
        let first = caller * paths.len() / CONNECTIONS;
        clients.push(Mutex::new((Client::connect(&process.host, token).await?, first)));
    }
    let (clients, paths) = (Arc::new(clients), Arc::new(paths));
    closed_loop(CONNECTIONS, duration, move |caller| {
        let (clients, paths) = (clients.clone(), paths.clone());
        async move {
            let (client, next) = &mut *clients[caller].lock().await;
            client.get(&paths[*next % paths.len()], None).await?.expect(200)?;
            *next += 1;
            Ok::<(), Failed>(())
        }
    })
    .await
}
