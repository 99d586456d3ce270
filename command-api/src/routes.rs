//! Every command's path and method. A handler is four verbs: extract, translate, call, answer; what it needs beyond
//! them is below, and rules are in the domain.

pub mod answers;
pub mod api_keys;
pub mod devices;
pub mod findings;
pub mod internal;
pub mod invitations;
pub mod organizations;
pub mod projections;
pub mod scans;
pub mod sessions;
pub mod triage;
pub mod users;

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, Route, guard};
use platform::problem::unknown_route;

pub fn mount(config: &mut ServiceConfig) {
    for (path, route) in identities().into_iter().chain(assets()).chain(decisions()).chain(operations()) {
        config.service(resource(path).route(route));
    }
}

fn identities() -> Vec<(&'static str, Route)> {
    use {api_keys as k, invitations as i, organizations as o, sessions as s, users as u};
    vec![
        ("/v1/organizations", web::post().to(o::found)),
        ("/v1/organizations/{id}/plan", web::put().to(o::change_plan)),
        ("/v1/organizations/{id}/suspend", web::post().to(o::suspend)),
        ("/v1/organizations/{id}/resume", web::post().to(o::resume)),
        ("/v1/users", web::post().to(u::invite)),
        ("/v1/users/{id}/role", web::put().to(u::set_role)),
        ("/v1/users/{id}/disable", web::post().to(u::disable)),
        ("/v1/users/{id}/enable", web::post().to(u::enable)),
        ("/v1/invitations/{token}/accept", web::post().to(i::accept)),
        ("/v1/sessions", web::post().to(s::log_in)),
        ("/v1/sessions/current", web::delete().to(s::log_out)),
        ("/v1/api-keys", web::post().to(k::issue)),
        ("/v1/api-keys/{id}/revoke", web::post().to(k::revoke)),
    ]
}

fn assets() -> Vec<(&'static str, Route)> {
    use {devices as d, findings as f, scans as s};
    vec![
        ("/v1/devices", web::post().to(d::register)),
        ("/v1/devices/{id}/identifiers", web::put().to(d::change_identifiers)),
        ("/v1/devices/{id}/status", web::put().to(d::report_status)),
        ("/v1/devices/{id}/retire", web::post().to(d::retire)),
        ("/v1/findings", web::post().to(f::raise)),
        ("/v1/findings/{id}/observe", web::post().to(f::observe)),
        ("/v1/scans", web::post().to(s::upload)),
    ]
}

fn decisions() -> Vec<(&'static str, Route)> {
    use triage as t;
    vec![
        ("/v1/findings/{id}/severity", web::post().to(t::change_severity)),
        ("/v1/findings/{id}/confirm", web::post().to(t::confirm)),
        ("/v1/findings/{id}/false-positive", web::post().to(t::mark_false_positive)),
        ("/v1/findings/{id}/out-of-scope", web::post().to(t::mark_out_of_scope)),
        ("/v1/findings/{id}/start", web::post().to(t::start_work)),
        ("/v1/findings/{id}/claim-fixed", web::post().to(t::claim_fixed)),
        ("/v1/findings/{id}/verify", web::post().to(t::verify_fix)),
        ("/v1/findings/{id}/assign", web::post().to(t::assign)),
        ("/v1/findings/{id}/note", web::post().to(t::note)),
        ("/v1/findings/{id}/acceptance", web::post().to(t::request_acceptance)),
        ("/v1/findings/{id}/acceptance/approve", web::post().to(t::approve_acceptance)),
        ("/v1/findings/{id}/acceptance/decline", web::post().to(t::decline_acceptance)),
        ("/v1/findings/{id}/resolve", web::post().to(t::resolve)),
        ("/v1/findings/{id}/reopen", web::post().to(t::reopen)),
    ]
}

fn operations() -> Vec<(&'static str, Route)> {
    use projections as p;
    vec![
        ("/v1/projections/{name}/rebuild", web::post().to(p::rebuild)),
        ("/v1/projections/{name}/switch", web::post().to(p::switch)),
        ("/v1/projections/{name}/retire", web::post().to(p::retire)),
        ("/v1/projections/{name}/pause", web::post().to(p::pause)),
        ("/v1/projections/{name}/resume", web::post().to(p::resume)),
        ("/v1/projections/{name}/verify", web::post().to(p::verify)),
        ("/v1/projections/{name}/repair", web::post().to(p::repair)),
        ("/v1/projections/{name}/parked/{stream}/retry", web::post().to(p::retry)),
        ("/v1/projections/{name}/parked/{stream}/skip", web::post().to(p::skip)),
    ]
}

/// A path with one command. Other methods than GET and HEAD answer 405 here.
fn resource(path: &str) -> Resource {
    web::resource(path)
        .guard(guard::fn_guard(|context| !matches!(context.head().method, Method::GET | Method::HEAD)))
        .default_service(web::to(unknown_route))
}
