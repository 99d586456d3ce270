//! The read models as answers: each module has the SQL of one list or resource and the structs it fills.
//!
//! Statements read the views `read.*`, never the generation tables behind them, inside a [`TenantTx`], and carry
//! `tenant_id =` beside the policy. Lists are read by keyset, and filters are appended only where given: an
//! `IS NULL OR` would cost the index. A limit is written into the statement: as a bound value it would keep Postgres
//! from settling on a plan, and planning costs more than a page.

pub mod api_keys;
pub mod audit_trail;
pub mod devices;
pub mod finding_filter;
pub mod finding_history;
pub mod finding_list;
pub mod findings;
pub mod operations;
pub mod organizations;
pub mod parked;
pub mod person;
pub mod projections;
pub mod scans;
pub mod search_text;
pub mod summary;
pub mod users;

use platform::problem::{Code, Problem};
use serde_json::value::RawValue;
use sqlx::{Encode, Postgres, QueryBuilder, Type, postgres::PgHasArrayType};
use uuid::Uuid;

use crate::{
    error::Failure,
    page::{TOTAL_EXACT_MAX_ROWS, Total, TotalKind},
    tenant_tx::TenantTx,
};

/// Whether something of these projections is parked for the tenant, so that its lists may lack rows.
pub async fn degraded(tx: &mut TenantTx, projections: &[&str]) -> Result<bool, Failure> {
    let tenant = tx.tenant();
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM read.parked_streams JOIN read.live_generations USING (projection, generation)
               WHERE tenant_id = $1 AND projection = ANY($2::text[])
           ) AS "found!""#,
        tenant,
        projections as &[&str]
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(found)
}

/// Refuses to show a resource whose history could not be applied to the end.
pub async fn refuse_parked(tx: &mut TenantTx, projection: &str, stream: Uuid) -> Result<(), Failure> {
    let tenant = tx.tenant();
    let parked = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM read.parked_streams JOIN read.live_generations USING (projection, generation)
               WHERE tenant_id = $1 AND projection = $2 AND stream_id = $3
           ) AS "found!""#,
        tenant,
        projection,
        stream
    )
    .fetch_one(tx.connection())
    .await?;
    if parked {
        let problem = Problem::new(Code::ProjectionParked);
        return Err(problem
            .detail("An event of this resource could not be applied; an operator has to look at it.")
            .into());
    }
    Ok(())
}

/// Appends that the stream is not parked, so that one statement finds a resource that may be shown. Whoever finds none
/// asks [`refuse_parked`] why.
fn push_not_parked(query: &mut QueryBuilder<Postgres>, tenant: Uuid, projection: &'static str, stream: Uuid) {
    query.push(
        " AND NOT EXISTS (SELECT FROM read.parked_streams p JOIN read.live_generations USING (projection, generation) \
         WHERE p.tenant_id = ",
    );
    query.push_bind(tenant).push(" AND projection = ").push_bind(projection);
    query.push(" AND p.stream_id = ").push_bind(stream).push(")");
}

/// Why a resource that was not found is not shown.
pub async fn absent(tx: &mut TenantTx, projection: &str, stream: Uuid) -> Failure {
    refuse_parked(tx, projection, stream).await.err().unwrap_or_else(Failure::not_found)
}

/// The count of a list without filters, which the projection keeps. No row: nothing was ever listed.
fn exact_total(kept: Option<i64>) -> Total {
    Total { value: kept.unwrap_or(0), kind: TotalKind::Exact }
}

/// Counts what a statement selects, one row past the bound at most.
async fn bounded_total(tx: &mut TenantTx, mut rows: QueryBuilder<Postgres>) -> Result<Total, Failure> {
    rows.push(" LIMIT ").push(TOTAL_EXACT_MAX_ROWS + 1).push(") AS counted");
    let count = rows.build_query_scalar().fetch_one(tx.connection()).await?;
    Ok(Total::from_bounded_count(count))
}

/// Begins a statement for [`bounded_total`]; `from` is the rest of an inner SELECT up to its conditions.
fn bounded_count(from: &'static str) -> QueryBuilder<Postgres> {
    let mut rows = QueryBuilder::new("SELECT count(*) FROM (SELECT FROM ");
    rows.push(from);
    rows
}

/// Appends `AND column = value`, or `= ANY` for more values: a single one lets the index keep its order.
fn push_any_of<T>(query: &mut QueryBuilder<Postgres>, column: &'static str, values: &[T])
where
    T: Clone + Send + Sync + 'static + PgHasArrayType + Type<Postgres> + for<'q> Encode<'q, Postgres>,
{
    match values {
        [] => {}
        [value] => {
            query.push(" AND ").push(column).push(" = ").push_bind(value.clone());
        }
        [_, _, ..] => {
            query.push(" AND ").push(column).push(" = ANY(").push_bind(values.to_vec()).push(")");
        }
    }
}

/// JSON that a read model keeps as text, shown as it is.
fn raw_json(text: String) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(text).map_err(Failure::Corrupt)
}
