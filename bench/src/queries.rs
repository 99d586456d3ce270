//! Point, list and search queries on a tenant with many findings, over HTTP, authorized and under row-level security.
//!
//! The findings are put straight into the read model: what is measured is the query side. They are the demo
//! organization's, so that the caller's rights are the real ones.

use std::sync::Arc;
use std::time::Duration;

use platform::words::tenant_mark;
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

/// As the projector would, by the words of title, description and CVE: `thousandth` is in one of a thousand findings,
/// `sixth` in one of six.
const FILL_SEARCH: &str = r#"
INSERT INTO read_g1.finding_search (tenant_id, finding_id, document)
SELECT $1, f.finding_id, array_to_tsvector(ARRAY(SELECT DISTINCT $2 || w FROM unnest(
    regexp_split_to_array(lower(f.title || ' ' || f.description), '[^a-z0-9]+') || lower(f.cves[1]) || ARRAY['cve', 'cve-2021']
    || CASE WHEN f.number % 1000 = 0 THEN ARRAY['thousandth'] END || CASE WHEN f.number % 6 = 0 THEN ARRAY['sixth'] END) w WHERE w <> ''))
FROM (SELECT *, row_number() OVER (ORDER BY finding_id) AS number FROM read_g1.findings WHERE tenant_id = $1) f"#;
/// What the projector would have told of the tenant, so that lists have tags and totals are kept.
const FILL_SEQS: &str = "INSERT INTO read.tenant_seqs (projection, generation, tenant_id, seq) \
    SELECT p, 1, $1, 1 FROM unnest(ARRAY['findings', 'finding_search']) p ON CONFLICT DO NOTHING";

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
        ("GET findings: search, 1 in 1,000 has the word", lists("&q=thousandth")),
        ("GET findings: search, 1 in 6 has the word", lists("&q=sixth")),
        ("GET findings: search, every one has the word, by last change", lists("&q=outdated&sort=last_change")),
        ("GET findings: search for a CVE", lists("&q=cve-2021-10007")),
        ("GET findings, 304", lists("")),
        ("GET summary", vec!["/v1/summary".to_owned()]),
    ] {
        let load = run(process, &token, duration, paths, what.ends_with("304")).await?;
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
    sqlx::query(FILL_SEARCH).bind(tenant).bind(tenant_mark(tenant)).execute(&mut connection).await?;
    sqlx::query(FILL_SEQS).bind(tenant).execute(&mut connection).await?;
    // One by one: several in one text are one transaction, in which there is no VACUUM.
    for statement in ["VACUUM ANALYZE read_g1.findings, read_g1.finding_cves, read_g1.finding_search", "CHECKPOINT"] {
        sqlx::raw_sql(statement).execute(&mut connection).await?;
    }
    let ids = sqlx::query_scalar(
        "SELECT finding_id FROM read_g1.findings WHERE tenant_id = $1 AND tool = 'benchmark' LIMIT $2",
    );
    Ok(ids.bind(tenant).bind(ASKED).fetch_all(&mut connection).await?)
}

/// With `held`, each caller has the answer already and asks whether it still holds.
async fn run(
    process: &Process,
    token: &str,
    duration: Duration,
    paths: Vec<String>,
    held: bool,
) -> Outcome<crate::load::Load> {
    let mut clients = Vec::new();
    for caller in 0..CONNECTIONS {
        let first = caller * paths.len() / CONNECTIONS;
        let mut client = Client::connect(&process.host, token).await?;
        if held {
            let answer = client.get(&paths[first], None).await?.expect(200)?;
            client.hold(answer.etag.ok_or_else(|| Failed::from("the list has no tag".to_owned()))?);
        }
        clients.push(Mutex::new((client, first)));
    }
    let expected = if held { 304 } else { 200 };
    let (clients, paths) = (Arc::new(clients), Arc::new(paths));
    closed_loop(CONNECTIONS, duration, move |caller| {
        let (clients, paths) = (clients.clone(), paths.clone());
        async move {
            let (client, next) = &mut *clients[caller].lock().await;
            client.get(&paths[*next % paths.len()], None).await?.expect(expected)?;
            *next += 1;
            Ok::<(), Failed>(())
        }
    })
    .await
}
