//! Scans: the list, and one. A scanner sees those it sent.

use actix_web::{HttpRequest, web::Data};

use super::{id, take_no_parameters};
use crate::{
    access::ScanReader,
    conditional,
    error::Answer,
    openapi::{ConditionalHeaders, ConsistencyHeader, ListProblems, PageParameters, ResourceProblems},
    page::Page,
    parameters::Parameters,
    server::State,
    views::{
        absent,
        scans::{self, Scan, Senders},
    },
};

/// Lists scans, the latest first. A scanner key gets the scans it sent.
#[utoipa::path(
    get, path = "/v1/scans", operation_id = "list_scans", tag = "scans",
    params(PageParameters, ConditionalHeaders, ConsistencyHeader),
    responses((status = 200, description = "A page of scans", body = Page<Scan>, headers(("ETag" = String))), ListProblems),
    security(("bearer" = []))
)]
pub async fn list(caller: ScanReader, request: HttpRequest, state: Data<State>) -> Answer {
    let mut parameters = Parameters::of(&request);
    let senders = senders(&caller);
    let pager = state.pager(caller.tenant(), "/v1/scans", &senders);
    let ask = pager.ask(&mut parameters);
    parameters.finish()?;
    let mut tx = state.read(&request, caller.tenant(), &["scans"]).await?;
    let moment = state.moment(&mut tx, &["scans"]).await?;
    let tag = moment.tag(&caller.rights(), &pager, &ask);
    if let Some(held) = conditional::held(&request, tag.as_deref()) {
        return Ok(held);
    }
    Ok(conditional::page(tag, &scans::page(&mut tx, senders, &moment, &pager, &ask).await?))
}

/// Shows a scan. To a scanner key, one it did not send is not there.
#[utoipa::path(
    get, path = "/v1/scans/{id}", operation_id = "show_scan", tag = "scans",
    params(("id" = uuid::Uuid, Path, description = "The scan"), ConditionalHeaders, ConsistencyHeader),
    responses(
        (status = 200, description = "The scan", body = Scan, headers(("ETag" = String))),
        ResourceProblems
    ),
    security(("bearer" = []))
)]
pub async fn show(caller: ScanReader, request: HttpRequest, state: Data<State>) -> Answer {
    take_no_parameters(&request)?;
    let id = id(&request)?;
    let mut tx = state.read(&request, caller.tenant(), &["scans"]).await?;
    let scan = scans::find(&mut tx, senders(&caller), id).await?;
    let Some(scan) = scan else { return Err(absent(&mut tx, "scans", id).await) };
    Ok(conditional::answer(&request, scan.version, &scan))
}

const fn senders(caller: &ScanReader) -> Senders {
    match caller {
        ScanReader::Member(_) => Senders::Everybody,
        ScanReader::Scanner { key, .. } => Senders::Key(*key),
    }
}
