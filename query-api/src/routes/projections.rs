//! Projections as operators see them: generations, lag, what is parked, and what is being done.

use actix_web::{HttpRequest, web::Data};
use uuid::Uuid;

use super::{id, json, take_no_parameters};
use crate::{
    access::Operator,
    error::{Answer, Failure},
    openapi::{ConsistencyHeader, ListProblems, NestedListProblems, PageParameters},
    page::Page,
    parameters::Parameters,
    server::State,
    views::{
        operations::{self, Operation},
        parked::{self, ParkedStream},
        projections::{self, Projection, Projections},
    },
};

/// What writes down what operators decided.
const OPERATIONS: &[&str] = &["operations"];

/// Lists all projections. For the operator.
#[utoipa::path(
    get, path = "/v1/projections", operation_id = "list_projections", tag = "projections",
    params(ConsistencyHeader),
    responses((status = 200, description = "All projections", body = Projections), ListProblems),
    security(("bearer" = []))
)]
pub async fn list(_: Operator, request: HttpRequest, state: Data<State>) -> Answer {
    take_no_parameters(&request)?;
    state.await_position(&request, None, OPERATIONS).await?;
    json(&projections::all(&state.reader).await?)
}

/// Shows a projection with what was done to it last. For the operator.
#[utoipa::path(
    get, path = "/v1/projections/{name}", operation_id = "show_projection", tag = "projections",
    params(("name" = String, Path), ConsistencyHeader),
    responses((status = 200, description = "The projection", body = Projection), NestedListProblems),
    security(("bearer" = []))
)]
pub async fn show(_: Operator, request: HttpRequest, state: Data<State>) -> Answer {
    take_no_parameters(&request)?;
    state.await_position(&request, None, OPERATIONS).await?;
    let projection = projections::one(&state.reader, name(&request)).await?.ok_or_else(Failure::not_found)?;
    json(&projection)
}

/// Lists the parked streams of a projection. For the operator.
#[utoipa::path(
    get, path = "/v1/projections/{name}/parked", operation_id = "list_parked_streams", tag = "projections",
    params(("name" = String, Path), PageParameters, ConsistencyHeader),
    responses((status = 200, description = "A page of parked streams", body = Page<ParkedStream>), NestedListProblems),
    security(("bearer" = []))
)]
pub async fn list_parked(_: Operator, request: HttpRequest, state: Data<State>) -> Answer {
    let name = name(&request);
    let mut parameters = Parameters::of(&request);
    let pager = state.pager(Uuid::nil(), "/v1/projections/{name}/parked", &name);
    let ask = pager.ask(&mut parameters);
    parameters.finish()?;
    state.await_position(&request, None, OPERATIONS).await?;
    if !projections::exists(&state.reader, name).await? {
        return Err(Failure::not_found());
    }
    json(&parked::page(&state.reader, name, &pager, &ask).await?)
}

/// Shows an operation. For the operator.
#[utoipa::path(
    get, path = "/v1/operations/{id}", operation_id = "show_operation", tag = "projections",
    params(("id" = Uuid, Path), ConsistencyHeader),
    responses((status = 200, description = "The operation", body = Operation), NestedListProblems),
    security(("bearer" = []))
)]
pub async fn show_operation(_: Operator, request: HttpRequest, state: Data<State>) -> Answer {
    let id = id(&request)?;
    take_no_parameters(&request)?;
    state.await_position(&request, None, OPERATIONS).await?;
    json(&operations::one(&state.reader, id).await?.ok_or_else(Failure::not_found)?)
}

fn name(request: &HttpRequest) -> &str {
    request.match_info().get("name").unwrap_or_default()
}
