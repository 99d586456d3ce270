//! The summary: the dashboard's numbers.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::ContentType,
    web::{Bytes, Data},
};
use chrono::Utc;

use super::take_no_parameters;
use crate::{
    access::Member,
    cache,
    error::{Answer, Failure},
    freshness::partition_of,
    openapi::{AnswerProblems, ConsistencyHeader},
    server::State,
    views::summary::{self, Summary},
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
    let positions = state.freshness.standing(partition_of(member.tenant), PROJECTIONS).await?;
    let today = Utc::now().date_naive();
    let key = cache::Key { tenant: member.tenant, positions, today };
    let work_out = async {
        state.metrics.summary_computed.inc();
        let mut tx = state.reader.tenant(member.tenant).await?;
        let summary = summary::read(&mut tx, today).await?;
        Ok::<_, Failure>(Bytes::from(serde_json::to_vec(&summary).map_err(Failure::Corrupt)?))
    };
    let body = state.summaries.get_or(key, work_out).await?;
    Ok(HttpResponse::Ok().insert_header(ContentType::json()).body(body))
}
