//! The routes: one file per resource, and the one table that mounts them.
//!
//! A handler is four verbs: extract, translate, call, answer. GET and HEAD are the same handler; the server leaves
//! the body of a HEAD out.

pub mod api_keys;
pub mod audit_trail;
pub mod devices;
pub mod findings;
pub mod me;
pub mod organizations;
pub mod projections;
pub mod scans;
pub mod summary;
pub mod users;

use actix_web::{
    FromRequest, Handler, HttpRequest, HttpResponse,
    dev::Payload,
    web::{self, Data, ServiceConfig},
};
use platform::problem::unknown_route;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    answers::{Kept, Place},
    conditional,
    error::{Answer, Failure},
    parameters::Parameters,
    server::State,
};

pub fn mount(app: &mut ServiceConfig) {
    // In the order in which they are asked for: a request is compared with one path after the other.
    get_kept(app, "/v1/findings", findings::list, &["findings", "summary"]);
    get(app, "/v1/findings/{id}", findings::show);
    get(app, "/v1/summary", summary::show);
    get(app, "/v1/me", me::show);
    get(app, "/v1/organization", organizations::show_own);
    get(app, "/v1/organizations", organizations::list);
    get(app, "/v1/users", users::list);
    get(app, "/v1/api-keys", api_keys::list);
    get_kept(app, "/v1/devices", devices::list, &["devices"]);
    get(app, "/v1/devices/{id}", devices::show);
    get(app, "/v1/findings/{id}/history", findings::history);
    get_kept(app, "/v1/scans", scans::list, &["scans"]);
    get(app, "/v1/scans/{id}", scans::show);
    get(app, "/v1/audit-trail", audit_trail::list);
    get(app, "/v1/projections", projections::list);
    get(app, "/v1/projections/{name}", projections::show);
    get(app, "/v1/projections/{name}/parked", projections::list_parked);
    get(app, "/v1/operations/{id}", projections::show_operation);
}

fn get<F, Args>(app: &mut ServiceConfig, path: &str, handler: F)
where
    F: Handler<Args, Output = Answer>,
    Args: FromRequest + 'static,
{
    let handler = move |request| read(handler.clone(), request);
    let resource = web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(web::to(unknown_route));
    app.service(resource);
}

/// A list whose first pages are kept for whoever asks the very same; `projections` are all that its answer is made of.
fn get_kept<F, Args>(app: &mut ServiceConfig, path: &str, handler: F, projections: &'static [&'static str])
where
    F: Handler<Args, Output = Answer>,
    Args: FromRequest + 'static,
{
    let handler = move |request| read_kept(handler.clone(), request, projections);
    let resource = web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(web::to(unknown_route));
    app.service(resource);
}

async fn read_kept<F, Args>(
    handler: F,
    request: HttpRequest,
    projections: &'static [&'static str],
) -> Result<HttpResponse, actix_web::Error>
where
    F: Handler<Args, Output = Answer>,
    Args: FromRequest + 'static,
{
    let Some(state) = request.app_data::<Data<State>>().cloned() else { return read(handler, request).await };
    let Some(place) = Place::of(&state, &request, projections).await else { return read(handler, request).await };
    if let Some(Kept { tag, body }) = state.answers.get(&place).await {
        state.metrics.kept_answers.inc();
        return Ok(conditional::kept(&request, tag, body));
    }
    Ok(state.answers.keep(&place, read(handler, request).await?).await)
}

/// Calls the handler, and once more at the primary where a standby failed it: a read changes nothing, so nobody learns
/// that a standby went away.
async fn read<F, Args>(handler: F, request: HttpRequest) -> Result<HttpResponse, actix_web::Error>
where
    F: Handler<Args, Output = Answer>,
    Args: FromRequest + 'static,
{
    let call = async || {
        let args = Args::from_request(&request, &mut Payload::None).await.map_err(Into::into)?;
        Ok::<_, actix_web::Error>(handler.call(args).await)
    };
    let state = request.app_data::<Data<State>>();
    match call().await? {
        Err(failure) if state.is_some_and(|state| state.standbys.repeat_at_primary(&request, &failure)) => {
            Ok(call().await??)
        }
        answer => Ok(answer?),
    }
}

/// The id in the path. What is no id names no resource.
fn id(request: &HttpRequest) -> Result<Uuid, Failure> {
    request.match_info().get("id").and_then(|id| Uuid::parse_str(id).ok()).ok_or_else(Failure::not_found)
}

/// For routes without parameters: any is unknown.
fn take_no_parameters(request: &HttpRequest) -> Result<(), Failure> {
    Ok(Parameters::of(request).finish()?)
}

fn json(answer: &impl Serialize) -> Answer {
    Ok(HttpResponse::Ok().json(answer))
}
