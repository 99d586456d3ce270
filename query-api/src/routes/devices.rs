//! Devices: the list, and one.

use actix_web::{HttpRequest, web::Data};

use super::{id, take_no_parameters};
use crate::{
    access::Member,
    conditional,
    error::Answer,
    openapi::{ConditionalHeaders, ConsistencyHeader, ListProblems, PageParameters, ResourceProblems},
    page::Page,
    parameters::Parameters,
    server::State,
    views::{
        absent,
        devices::{self, Device},
    },
};

/// Lists the organization's devices, the latest registered first; retired ones are among them.
#[utoipa::path(
    get, path = "/v1/devices", operation_id = "list_devices", tag = "devices",
    params(PageParameters, ConditionalHeaders, ConsistencyHeader),
    responses((status = 200, description = "A page of devices", body = Page<Device>, headers(("ETag" = String))), ListProblems),
    security(("bearer" = []))
)]
pub async fn list(member: Member, request: HttpRequest, state: Data<State>) -> Answer {
    let mut parameters = Parameters::of(&request);
    let pager = state.pager(member.tenant, "/v1/devices", &());
    let ask = pager.ask(&mut parameters);
    parameters.finish()?;
    let mut tx = state.read(&request, member.tenant, &["devices"]).await?;
    let moment = state.moment(&mut tx, &["devices"]).await?;
    let tag = moment.tag(&member.rights(), &pager, &ask);
    if let Some(held) = conditional::held(&request, tag.as_deref()) {
        return Ok(held);
    }
    Ok(conditional::page(tag, &devices::page(&mut tx, &moment, &pager, &ask).await?))
}

/// Shows a device.
#[utoipa::path(
    get, path = "/v1/devices/{id}", operation_id = "show_device", tag = "devices",
    params(("id" = uuid::Uuid, Path, description = "The device"), ConditionalHeaders, ConsistencyHeader),
    responses(
        (status = 200, description = "The device", body = Device, headers(("ETag" = String))),
        ResourceProblems
    ),
    security(("bearer" = []))
)]
pub async fn show(member: Member, request: HttpRequest, state: Data<State>) -> Answer {
    take_no_parameters(&request)?;
    let id = id(&request)?;
    let mut tx = state.read(&request, member.tenant, &["devices"]).await?;
    let Some(device) = devices::find(&mut tx, id).await? else { return Err(absent(&mut tx, "devices", id).await) };
    Ok(conditional::answer(&request, device.version, &device))
}
