//! The summary: the dashboard's numbers.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::ContentType,
    web::{Bytes, Data},
};
use chrono::Utc;
use uuid::Uuid;

use super::take_no_parameters;
use crate::{
    access::Member,
    cache,
    error::{Answer, Failure},
    freshness,
    openapi::{AnswerProblems, ConsistencyHeader},
    server::State,
    tenant_versions::Version,
    views::summary::{Rows, Summary},
};

/// The projections the summary reads.
const PROJECTIONS: [&str; 2] = ["summary", "devices"];

/// Shows the organization at a glance.
#[utoipa::path(
    get, path = "/v1/summary", operation_id = "show_summary", tag = "summary",
    params(ConsistencyHeader),
    responses((status = 200, description = "The summary", body = Summary), AnswerProblems),
    security(("bearer" = []))
)]
pub async fn show(member: Member, request: HttpRequest, state: Data<State>) -> Answer {
    take_no_parameters(&request)?;
    state.await_position(&request, Some(member.tenant), &PROJECTIONS).await?;
    state.metrics.summary_requests.inc();
    let asked = freshness::asked(&request, Some(member.tenant))?;
    let version = state.tenant_versions.of(member.tenant, &PROJECTIONS, asked).await?;
    let today = Utc::now().date_naive();
    let key = cache::Key { tenant: member.tenant, version: version.clone(), today };
    let work_out = async {
        let rows = rows(&state, member.tenant, &version).await?;
        let summary = Summary::of(rows, today);
        Ok::<_, Failure>(Bytes::from(serde_json::to_vec(&summary).map_err(Failure::Corrupt)?))
    };
    let body = state.summaries.get_or(key, work_out).await?;
    Ok(HttpResponse::Ok().insert_header(ContentType::json()).body(body))
}

/// The copy in Redis, where it is as new as what Postgres would say; else Postgres.
async fn rows(state: &State, tenant: Uuid, version: &Version) -> Result<Rows, Failure> {
    if let Some(copy) = state.copies.summary(tenant).await {
        // A copy that cannot be read is none: another version of this program may have written it.
        if let Ok(rows) = Rows::read(&copy)
            && rows.version.covers(version)
        {
            state.metrics.summary_copied.inc();
            return Ok(rows);
        }
    }
    state.metrics.summary_computed.inc();
    let mut tx = state.reader.tenant(tenant).await?;
    Rows::of_tenant(&mut tx).await
}
