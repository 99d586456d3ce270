//! Scanner keys: the list.

use actix_web::{HttpRequest, web::Data};

use crate::{
    access::Overseer,
    conditional,
    error::Answer,
    openapi::{ConditionalHeaders, ConsistencyHeader, ListProblems, PageParameters},
    page::Page,
    parameters::Parameters,
    server::State,
    views::api_keys::{self, ApiKey},
};

/// Lists scanner keys, the latest issued first. For administrators and auditors.
#[utoipa::path(
    get, path = "/v1/api-keys", operation_id = "list_api_keys", tag = "api-keys",
    params(PageParameters, ConditionalHeaders, ConsistencyHeader),
    responses((status = 200, description = "A page of keys", body = Page<ApiKey>, headers(("ETag" = String))), ListProblems),
    security(("bearer" = []))
)]
pub async fn list(overseer: Overseer, request: HttpRequest, state: Data<State>) -> Answer {
    let mut parameters = Parameters::of(&request);
    let pager = state.pager(overseer.tenant, "/v1/api-keys", &());
    let ask = pager.ask(&mut parameters);
    parameters.finish()?;
    let mut tx = state.read(&request, overseer.tenant, &["api_keys"]).await?;
    let moment = state.moment(&mut tx, &["api_keys"]).await?;
    let tag = moment.tag(&overseer.rights(), &pager, &ask);
    if let Some(held) = conditional::held(&request, tag.as_deref()) {
        return Ok(held);
    }
    Ok(conditional::page(tag, &api_keys::page(&mut tx, &moment, &pager, &ask).await?))
}
