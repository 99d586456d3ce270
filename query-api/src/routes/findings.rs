//! Findings: the list, one, and what happened to it.

use actix_web::{HttpRequest, web::Data};

use super::{id, take_no_parameters};
use crate::{
    access::Member,
    conditional,
    error::{Answer, Failure},
    openapi::{
        ConditionalHeaders, ConsistencyHeader, ListProblems, NestedListProblems, PageParameters, ResourceProblems,
    },
    page::Page,
    parameters::Parameters,
    server::State,
    versions::Moment,
    views::{
        absent,
        finding_filter::FindingFilter,
        finding_history::{self, HistoryEntry},
        finding_list,
        findings::{self, Finding, FindingDetail},
        refuse_parked,
    },
};

/// Lists findings, the worst first unless asked otherwise.
///
/// A filter may be repeated or list its values separated by commas: any of them matches. All filters must match.
#[utoipa::path(
    get, path = "/v1/findings", operation_id = "list_findings", tag = "findings",
    params(FindingFilter, PageParameters, ConditionalHeaders, ConsistencyHeader),
    responses((status = 200, description = "A page of findings", body = Page<Finding>, headers(("ETag" = String))), ListProblems),
    security(("bearer" = []))
)]
pub async fn list(member: Member, request: HttpRequest, state: Data<State>) -> Answer {
    let mut parameters = Parameters::of(&request);
    let filter = FindingFilter::take(&mut parameters);
    let pager = state.pager(member.tenant, "/v1/findings", &filter);
    let ask = pager.ask(&mut parameters);
    parameters.finish()?;
    let projections: &[&str] = if filter.search.is_some() { &["findings", "finding_search"] } else { &["findings"] };
    let mut tx = state.read(&request, member.tenant, projections).await?;
    let beside: &[&str] = if filter.is_counted() { &["summary"] } else { &[] };
    let moment = Moment::beside(&mut tx, projections, beside, &state.totals).await?;
    let tag = moment.tag(&member.rights(), &pager, &ask);
    if let Some(held) = conditional::held(&request, tag.as_deref()) {
        return Ok(held);
    }
    Ok(conditional::page(tag, &finding_list::page(&mut tx, &filter, &moment, &pager, &ask).await?))
}

/// Shows a finding in full.
#[utoipa::path(
    get, path = "/v1/findings/{id}", operation_id = "show_finding", tag = "findings",
    params(("id" = uuid::Uuid, Path, description = "The finding"), ConditionalHeaders, ConsistencyHeader),
    responses(
        (status = 200, description = "The finding", body = FindingDetail, headers(("ETag" = String))),
        ResourceProblems
    ),
    security(("bearer" = []))
)]
pub async fn show(member: Member, request: HttpRequest, state: Data<State>) -> Answer {
    take_no_parameters(&request)?;
    let id = id(&request)?;
    let mut tx = state.read(&request, member.tenant, &["findings"]).await?;
    let Some(finding) = findings::find(&mut tx, id).await? else { return Err(absent(&mut tx, "findings", id).await) };
    Ok(conditional::answer(&request, finding.finding.version, &finding))
}

/// Lists what happened to a finding, from its first report on.
#[utoipa::path(
    get, path = "/v1/findings/{id}/history", operation_id = "list_finding_history", tag = "findings",
    params(("id" = uuid::Uuid, Path, description = "The finding"), PageParameters, ConditionalHeaders, ConsistencyHeader),
    responses(
        (status = 200, description = "A page of the finding's history", body = Page<HistoryEntry>, headers(("ETag" = String))),
        NestedListProblems
    ),
    security(("bearer" = []))
)]
pub async fn history(member: Member, request: HttpRequest, state: Data<State>) -> Answer {
    let mut parameters = Parameters::of(&request);
    let id = id(&request)?;
    let pager = state.pager(member.tenant, "/v1/findings/{id}/history", &id);
    let ask = pager.ask(&mut parameters);
    parameters.finish()?;
    let mut tx = state.read(&request, member.tenant, &["findings"]).await?;
    refuse_parked(&mut tx, "findings", id).await?;
    if !finding_history::exists(&mut tx, id).await? {
        return Err(Failure::not_found());
    }
    let moment = state.moment(&mut tx, &["findings"]).await?;
    let tag = moment.tag(&member.rights(), &pager, &ask);
    if let Some(held) = conditional::held(&request, tag.as_deref()) {
        return Ok(held);
    }
    Ok(conditional::page(tag, &finding_history::page(&mut tx, id, &moment, &pager, &ask).await?))
}
