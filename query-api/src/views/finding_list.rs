//! The list of findings: by severity or by latest change, filtered, searched, and counted.
//!
//! A search first asks the index for the few findings it has. Words that very many findings have would make that slow
//! and the answer long; then the list is read in its own order instead and each finding asked for the words, which soon
//! fills a page just because so many have them. Only where neither is short, all that match are sorted.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    bounded_count, bounded_total, exact_total,
    finding_filter::FindingFilter,
    findings::{Finding, LIST_COLUMNS, Row},
    search_text::SearchText,
};
use crate::{
    error::Failure,
    page::{Ask, Page, Pager, Total, TotalKind},
    tenant_tx::TenantTx,
    versions::Moment,
    vocabulary::FindingOrder,
};

/// The most findings that a search is answered from by sorting them.
pub const SEARCH_FEW_MAX_FINDINGS: i32 = 5_000;
/// How many findings are asked for the words of a search, in the order of the list, before all are sorted after all.
const SEARCH_WALK_MAX_FINDINGS: i64 = 20_000;

/// Where a page of findings ends: the column it is sorted by, and the id that makes it unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Key {
    Severity(i16, Uuid),
    LastChange(DateTime<Utc>, Uuid),
}

/// What a search comes down to.
#[derive(Debug)]
enum Hits {
    Few(Vec<Uuid>),
    /// More than can be sorted for a page; the question stands instead.
    Many(String),
}

pub async fn page(
    tx: &mut TenantTx,
    filter: &FindingFilter,
    moment: &Moment<'_>,
    pager: &Pager<'_>,
    ask: &Ask<Key>,
) -> Result<Page<Finding>, Failure> {
    let known = moment.known_total(pager, ask).await;
    let hits = match &filter.search {
        Some(text) => Some(look_up(tx, text, known).await?),
        None => None,
    };
    let rows = rows(tx, filter, hits.as_ref(), ask).await?;
    let total = match known {
        Some(total) => total,
        None => moment.keep_total(pager, count(tx, filter, moment, hits.as_ref(), &rows, ask).await?).await,
    };
    let key_of = |row: &Row| match filter.sort {
        FindingOrder::Severity => Key::Severity(row.severity, row.finding_id),
        FindingOrder::LastChange => Key::LastChange(row.last_changed_at, row.finding_id),
    };
    pager.page(ask, rows, total, moment.is_degraded(), key_of).try_map(|row| Ok(Finding::from(row)))
}

async fn look_up(tx: &mut TenantTx, text: &SearchText, known: Option<Total>) -> Result<Hits, Failure> {
    let tenant = tx.tenant();
    let query = text.query(tenant);
    // A search is only ever counted to a lower bound where there are many.
    if known.is_some_and(|total| total.kind == TotalKind::AtLeast) {
        return Ok(Hits::Many(query));
    }
    let few = sqlx::query_scalar!("SELECT read.search_findings($1, $2, $3)", tenant, query, SEARCH_FEW_MAX_FINDINGS)
        .fetch_one(tx.connection())
        .await?;
    Ok(few.map_or(Hits::Many(query), Hits::Few))
}

async fn rows(
    tx: &mut TenantTx,
    filter: &FindingFilter,
    hits: Option<&Hits>,
    ask: &Ask<Key>,
) -> Result<Vec<Row>, Failure> {
    let query = match hits {
        Some(Hits::Few(ids)) if ids.is_empty() => return Ok(Vec::new()),
        Some(Hits::Many(search)) => {
            let walked = walk(tx.tenant(), filter, search, ask);
            let rows = fetch(tx, walked).await?;
            // A short page is the list's end, or the walk's.
            if rows.len() as i64 == ask.rows_to_fetch() {
                return Ok(rows);
            }
            all_hits(tx.tenant(), filter, search, ask)
        }
        Some(Hits::Few(_)) | None => {
            let mut query = select(&format!("SELECT {LIST_COLUMNS} FROM read.findings AS f WHERE f.tenant_id = "));
            push_conditions(&mut query, tx.tenant(), filter, hits, ask);
            push_order(&mut query, filter.sort, ask.rows_to_fetch());
            query
        }
    };
    fetch(tx, query).await
}

/// In the order of the list, asking each finding for the words until the page is full.
fn walk(tenant: Uuid, filter: &FindingFilter, search: &str, ask: &Ask<Key>) -> QueryBuilder<Postgres> {
    let mut query =
        select(&format!("SELECT f.* FROM (SELECT {LIST_COLUMNS} FROM read.findings AS f WHERE f.tenant_id = "));
    push_conditions(&mut query, tenant, filter, None, ask);
    push_order(&mut query, filter.sort, SEARCH_WALK_MAX_FINDINGS);
    query.push(") AS f CROSS JOIN LATERAL (SELECT FROM read.finding_search AS s WHERE s.tenant_id = ");
    query.push_bind(tenant).push(" AND s.finding_id = f.finding_id AND s.document @@ ");
    query.push_bind(search.to_owned()).push("::tsquery LIMIT 1) AS hit");
    push_order(&mut query, filter.sort, ask.rows_to_fetch());
    query
}

fn all_hits(tenant: Uuid, filter: &FindingFilter, search: &str, ask: &Ask<Key>) -> QueryBuilder<Postgres> {
    let mut query = select(&format!("SELECT {LIST_COLUMNS} FROM unnest(read.search_findings("));
    query.push_bind(tenant).push(", ").push_bind(search.to_owned()).push(", ").push(i32::MAX);
    query.push(")) AS h (hit_id) JOIN read.findings AS f ON f.finding_id = h.hit_id WHERE f.tenant_id = ");
    push_conditions(&mut query, tenant, filter, None, ask);
    push_order(&mut query, filter.sort, ask.rows_to_fetch());
    query
}

fn select(beginning: &str) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::default();
    query.push(beginning);
    query
}

/// Appends to `… WHERE f.tenant_id = `.
fn push_conditions(
    query: &mut QueryBuilder<Postgres>,
    tenant: Uuid,
    filter: &FindingFilter,
    hits: Option<&Hits>,
    ask: &Ask<Key>,
) {
    query.push_bind(tenant);
    filter.push(query, tenant);
    push_few(query, hits);
    push_after(query, ask.after.as_ref().map(|after| after.key));
}

fn push_few(query: &mut QueryBuilder<Postgres>, hits: Option<&Hits>) {
    if let Some(Hits::Few(ids)) = hits {
        query.push(" AND f.finding_id = ANY(").push_bind(ids.clone()).push(")");
    }
}

fn push_after(query: &mut QueryBuilder<Postgres>, key: Option<Key>) {
    let id = match key {
        None => return,
        Some(Key::Severity(severity, id)) => {
            query.push(" AND (f.severity, f.finding_id) < (").push_bind(severity);
            id
        }
        Some(Key::LastChange(last_changed_at, id)) => {
            query.push(" AND (f.last_changed_at, f.finding_id) < (").push_bind(last_changed_at);
            id
        }
    };
    query.push(", ").push_bind(id).push(")");
}

fn push_order(query: &mut QueryBuilder<Postgres>, sort: FindingOrder, rows: i64) {
    match sort {
        FindingOrder::Severity => query.push(" ORDER BY f.severity DESC, f.finding_id DESC"),
        FindingOrder::LastChange => query.push(" ORDER BY f.last_changed_at DESC, f.finding_id DESC"),
    };
    query.push(" LIMIT ").push(rows);
}

async fn fetch(tx: &mut TenantTx, mut query: QueryBuilder<Postgres>) -> Result<Vec<Row>, Failure> {
    Ok(query.build_query_as().fetch_all(tx.connection()).await?)
}

async fn count(
    tx: &mut TenantTx,
    filter: &FindingFilter,
    moment: &Moment<'_>,
    hits: Option<&Hits>,
    rows: &[Row],
    ask: &Ask<Key>,
) -> Result<Total, Failure> {
    let seen = rows.len() as i64;
    let is_all = ask.after.is_none() && seen < ask.rows_to_fetch();
    match hits {
        Some(Hits::Few(_) | Hits::Many(_)) if is_all => Ok(Total { value: seen, kind: TotalKind::Exact }),
        Some(Hits::Many(_)) => {
            let many = if filter.is_search_alone() { i64::from(SEARCH_FEW_MAX_FINDINGS) } else { 0 };
            Ok(Total { value: seen.max(many), kind: TotalKind::AtLeast })
        }
        None if filter.is_everything() => kept_total(tx).await,
        None if filter.is_counted() && moment.is_in_step() => counted_total(tx, filter).await,
        Some(Hits::Few(_)) | None => {
            let tenant = tx.tenant();
            let mut rows = bounded_count("read.findings AS f WHERE f.tenant_id = ");
            rows.push_bind(tenant);
            filter.push(&mut rows, tenant);
            push_few(&mut rows, hits);
            bounded_total(tx, rows).await
        }
    }
}

async fn kept_total(tx: &mut TenantTx) -> Result<Total, Failure> {
    let tenant = tx.tenant();
    let kept = sqlx::query_scalar!(r#"SELECT total AS "total!" FROM read.finding_totals WHERE tenant_id = $1"#, tenant)
        .fetch_optional(tx.connection())
        .await?;
    Ok(exact_total(kept))
}

/// From the summary's counters, which are right for this page if both show the same events.
async fn counted_total(tx: &mut TenantTx, filter: &FindingFilter) -> Result<Total, Failure> {
    let tenant = tx.tenant();
    let severities: Vec<i16> = filter.severity.iter().map(|severity| severity.rank()).collect();
    let dispositions: Vec<&str> = filter.disposition.iter().map(|word| word.as_str()).collect();
    let counted = sqlx::query_scalar!(
        r#"SELECT sum(n)::bigint FROM read.finding_counts
           WHERE tenant_id = $1 AND (cardinality($2::smallint[]) = 0 OR severity = ANY ($2))
             AND (cardinality($3::text[]) = 0 OR disposition = ANY ($3)) AND detected = coalesce($4, detected)"#,
        tenant,
        &severities,
        &dispositions as &[&str],
        filter.detected
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(exact_total(counted))
}
