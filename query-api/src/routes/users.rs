//! Users: the list.

use actix_web::{HttpRequest, web::Data};

use crate::{
    access::Overseer,
    conditional,
    error::Answer,
    openapi::{ConditionalHeaders, ConsistencyHeader, ListProblems, PageParameters},
    page::Page,
    parameters::Parameters,
    server::State,
    views::users::{self, User},
};

/// Lists users, the latest invited first. For administrators and auditors.
#[utoipa::path(
    get, path = "/v1/users", operation_id = "list_users", tag = "users",
    params(PageParameters, ConditionalHeaders, ConsistencyHeader),
    responses((status = 200, description = "A page of users", body = Page<User>, headers(("ETag" = String))), ListProblems),
    security(("bearer" = []))
)]
pub async fn list(overseer: Overseer, request: HttpRequest, state: Data<State>) -> Answer {
    let mut parameters = Parameters::of(&request);
    let pager = state.pager(overseer.tenant, "/v1/users", &());
    let ask = pager.ask(&mut parameters);
    parameters.finish()?;
    let mut tx = state.read(&request, overseer.tenant, &["users"]).await?;
    let moment = state.moment(&mut tx, &["users"]).await?;
    let tag = moment.tag(&overseer.rights(), &pager, &ask);
    if let Some(held) = conditional::held(&request, tag.as_deref()) {
        return Ok(held);
    }
    Ok(conditional::page(tag, &users::page(tx, &state.keyring, &moment, &pager, &ask).await?))
}
