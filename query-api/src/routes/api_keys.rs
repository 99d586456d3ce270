//! Scanner keys: the list.

use actix_web::{HttpRequest, web::Data};

use super::json;
use crate::{
    access::Overseer,
    error::Answer,
    openapi::{ConsistencyHeader, ListProblems, PageParameters},
    page::Page,
    parameters::Parameters,
    server::State,
    views::api_keys::{self, ApiKey},
};

/// Lists scanner keys, the latest issued first. For administrators and auditors.
#[utoipa::path(
    get, path = "/v1/api-keys", operation_id = "list_api_keys", tag = "api-keys",
    params(PageParameters, ConsistencyHeader),
    responses((status = 200, description = "A page of keys", body = Page<ApiKey>), ListProblems),
    security(("bearer" = []))
)]
pub async fn list(overseer: Overseer, request: HttpRequest, state: Data<State>) -> Answer {
    let mut parameters = Parameters::of(&request);
    let pager = state.pager(overseer.tenant, "/v1/api-keys", &());
    let ask = pager.ask(&mut parameters);
    parameters.finish()?;
    let mut tx = state.read(&request, overseer.tenant, &["api_keys"]).await?;
    json(&api_keys::page(&mut tx, &pager, &ask).await?)
}
