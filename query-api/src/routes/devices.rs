//! Devices: the list, and one.

use actix_web::{HttpRequest, web::Data};

use super::{id, json, take_no_parameters};
use crate::{
    access::Member,
    conditional,
    error::{Answer, Failure},
    openapi::{ConditionalHeaders, ConsistencyHeader, ListProblems, PageParameters, ResourceProblems},
    page::Page,
    parameters::Parameters,
    server::State,
    views::{
        devices::{self, Device},
        refuse_parked,
    },
};

/// Lists the organization's devices, the latest registered first; retired ones are among them.
#[utoipa::path(
    get, path = "/v1/devices", operation_id = "list_devices", tag = "devices",
    params(PageParameters, ConsistencyHeader),
    responses((status = 200, description = "A page of devices", body = Page<Device>), ListProblems),
    security(("bearer" = []))
)]
pub async fn list(member: Member, request: HttpRequest, state: Data<State>) -> Answer {
    let mut parameters = Parameters::of(&request);
    let pager = state.pager(member.tenant, "/v1/devices", &());
    let ask = pager.ask(&mut parameters);
    parameters.finish()?;
    let mut tx = state.read(&request, member.tenant, &["devices"]).await?;
    json(&devices::page(&mut tx, &pager, &ask).await?)
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
    refuse_parked(&mut tx, "devices", id).await?;
    let device = devices::find(&mut tx, id).await?.ok_or_else(Failure::not_found)?;
    Ok(conditional::answer(&request, device.version, &device))
}
