//! The limits in front of an app: whoever presents a token is recognized first and counted as who they are; whoever does
//! not, or whose token is worth nothing, is counted by address.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, ResponseError, web};

use super::{RateLimits, Verdict, fields};
use crate::auth::Caller;
use crate::request_id::RequestContext;

/// Whoever watches the service must see it, whatever else asks.
const EXEMPT_PREFIX: &str = "/health";
/// Where a stranger makes us hash a password.
const LOG_IN_PATHS: [&str; 2] = ["/v1/sessions", "/v1/invitations/"];

/// `App::wrap(from_fn(rate_limit::middleware))` as the first wrap, which is the innermost, in an app with
/// `web::Data<RateLimits>` and `web::Data<Authenticator>`; without the former nothing is limited.
pub async fn middleware<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let Some(limits) = request.app_data::<web::Data<RateLimits>>().cloned() else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let Some(verdict) = judge(&limits, &request).await else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let mut answer = if verdict.allowed {
        next.call(request).await?.map_into_left_body()
    } else {
        request.into_response(fields::problem(&verdict).error_response()).map_into_right_body()
    };
    fields::add(answer.headers_mut(), &verdict);
    Ok(answer)
}

/// `None`: nobody counts this request.
async fn judge(limits: &RateLimits, request: &ServiceRequest) -> Option<Verdict> {
    if request.path().starts_with(EXEMPT_PREFIX) {
        return None;
    }
    if request.headers().contains_key(AUTHORIZATION) {
        // The outcome stays with the request, so the handler does not ask again.
        match Caller::extract(request.request()).await {
            Ok(caller) => return limits.caller(&caller).await,
            // That the store is away is not the caller's fault, and says nothing about who it is.
            Err(problem) if problem.status().is_server_error() => return None,
            Err(_) => {}
        }
    }
    let address = request.extensions().get::<RequestContext>().and_then(|context| context.ip);
    let address = address.or_else(|| request.peer_addr().map(|peer| peer.ip()))?;
    Some(limits.stranger(address, logs_in(request)).await)
}

/// By the path that is routed on, in which what was percent-encoded is not any more.
fn logs_in(request: &ServiceRequest) -> bool {
    let [sessions, invitations] = LOG_IN_PATHS;
    let path = request.match_info().as_str();
    request.method() == Method::POST && (path == sessions || path.starts_with(invitations))
}
