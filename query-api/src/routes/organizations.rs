//! Organizations: one's own, and the operator's list.

use actix_web::{HttpRequest, web::Data};
use uuid::Uuid;

use super::take_no_parameters;
use crate::{
    access::{Member, Operator},
    conditional,
    error::{Answer, Failure},
    openapi::{ConditionalHeaders, ConsistencyHeader, ListProblems, PageParameters, ResourceProblems},
    page::Page,
    parameters::Parameters,
    server::State,
    versions,
    views::{
        organizations::{self, Organization},
        refuse_parked,
    },
};

/// Shows the caller's organization.
#[utoipa::path(
    get, path = "/v1/organization", operation_id = "show_organization", tag = "organizations",
    params(ConditionalHeaders, ConsistencyHeader),
    responses(
        (status = 200, description = "The organization", body = Organization, headers(("ETag" = String))),
        ResourceProblems
    ),
    security(("bearer" = []))
)]
pub async fn show_own(member: Member, request: HttpRequest, state: Data<State>) -> Answer {
    take_no_parameters(&request)?;
    let mut tx = state.read(&request, member.tenant, &["organizations"]).await?;
    refuse_parked(&mut tx, "organizations", member.tenant).await?;
    let organization = organizations::own(&mut tx).await?.ok_or_else(Failure::not_found)?;
    Ok(conditional::answer(&request, organization.version, &organization))
}

/// Lists all organizations by slug. For the operator.
#[utoipa::path(
    get, path = "/v1/organizations", operation_id = "list_organizations", tag = "organizations",
    params(PageParameters, ConditionalHeaders, ConsistencyHeader),
    responses((status = 200, description = "A page of organizations", body = Page<Organization>, headers(("ETag" = String))), ListProblems),
    security(("bearer" = []))
)]
pub async fn list(_: Operator, request: HttpRequest, state: Data<State>) -> Answer {
    let mut parameters = Parameters::of(&request);
    let pager = state.pager(Uuid::nil(), "/v1/organizations", &());
    let ask = pager.ask(&mut parameters);
    parameters.finish()?;
    state.await_position(&request, None, &["organizations"]).await?;
    let shown = versions::state_of_all(&state.reader, "organizations").await?;
    let tag = versions::tag(&shown, Operator::RIGHTS, &pager, &ask);
    if let Some(held) = conditional::held(&request, Some(&tag)) {
        return Ok(held);
    }
    Ok(conditional::page(Some(tag), &organizations::page_of_all(&state.reader, &pager, &ask).await?))
}
