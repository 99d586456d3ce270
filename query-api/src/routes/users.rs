//! Users: the list.

use actix_web::{HttpRequest, web::Data};

use super::json;
use crate::{
    access::Overseer,
    error::Answer,
    openapi::{ConsistencyHeader, ListProblems, PageParameters},
    page::Page,
    parameters::Parameters,
    server::State,
    views::users::{self, User},
};

/// Lists users, the latest invited first. For administrators and auditors.
#[utoipa::path(
    get, path = "/v1/users", operation_id = "list_users", tag = "users",
    params(PageParameters, ConsistencyHeader),
    responses((status = 200, description = "A page of users", body = Page<User>), ListProblems),
    security(("bearer" = []))
)]
pub async fn list(overseer: Overseer, request: HttpRequest, state: Data<State>) -> Answer {
    let mut parameters = Parameters::of(&request);
    let pager = state.pager(overseer.tenant, "/v1/users", &());
    let ask = pager.ask(&mut parameters);
    parameters.finish()?;
    let tx = state.read(&request, overseer.tenant, &["users"]).await?;
    json(&users::page(tx, &state.keyring, &pager, &ask).await?)
}
