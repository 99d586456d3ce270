//! One id per request, in and out, and what else is known of the request before anybody looks at it.
//!
//! The middleware stands outermost, so that every answer carries the id and every problem names it. It never trusts
//! what the client says about itself further than its alphabet: an id with other characters is replaced, not escaped.

mod address;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue, USER_AGENT};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use tracing::Instrument;
use uuid::Uuid;

use crate::problem::{Code, Problem};
use crate::trace::TraceContext;

pub use address::{NotAProxyList, TrustedProxies};

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: &str = "traceparent";
const REQUEST_ID_MAX_CHARS: usize = 64;
const USER_AGENT_MAX_BYTES: usize = 256;

/// What the log, the event's meta and a problem say about where a request came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    pub request_id: String,
    /// Ours: the trace of the caller with a new span, or a new trace.
    pub traceparent: TraceContext,
    pub ip: Option<IpAddr>,
    pub user_agent: Option<String>,
}

impl RequestContext {
    /// What ties together everything one request caused: its id where that is a UUID, else its trace.
    pub fn correlation(&self) -> Uuid {
        self.request_id.parse().unwrap_or_else(|_| Uuid::from_bytes(self.traceparent.trace_id))
    }
}

tokio::task_local! {
    static CURRENT: RefCell<String>;
}

/// The id of the request this task is answering, if it is answering one.
pub fn current() -> Option<String> {
    CURRENT.try_with(|id| id.borrow().clone()).ok()
}

/// `App::wrap(from_fn(request_id::middleware))`, as the last wrap, which is the outermost.
pub async fn middleware<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let context = context_of(&request);
    let id = context.request_id.clone();
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        trace_id = %context.traceparent.trace_id_hex(),
        method = %request.method(),
    );
    request.extensions_mut().insert(context);
    let mut answer = CURRENT.scope(RefCell::new(id.clone()), next.call(request)).instrument(span).await?;
    // The alphabet of an id is part of a header's, so this cannot fail.
    if let Ok(value) = HeaderValue::from_str(&id) {
        answer.headers_mut().insert(X_REQUEST_ID, value);
    }
    Ok(answer)
}

impl FromRequest for RequestContext {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let context = request.extensions().get::<Self>().cloned();
        ready(context.ok_or_else(|| {
            tracing::error!("a route asks for the request's context in an app without the middleware");
            Problem::new(Code::Internal)
        }))
    }
}

fn context_of(request: &ServiceRequest) -> RequestContext {
    let header = |name: &str| {
        let mut all = request.headers().get_all(name);
        match (all.next(), all.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    };
    let proxies = request.app_data::<web::Data<TrustedProxies>>();
    RequestContext {
        request_id: header(X_REQUEST_ID.as_str())
            .filter(|id| is_id(id))
            .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned),
        traceparent: header(TRACEPARENT)
            .and_then(|text| text.parse().ok())
            .map_or_else(TraceContext::start, |caller: TraceContext| caller.child()),
        ip: request.peer_addr().map(|peer| {
            let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
            address::client(peer.ip(), forwarded, proxies.map(|proxies| proxies.get_ref()))
        }),
        user_agent: request
            .headers()
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .map(|text| text[..text.len().min(USER_AGENT_MAX_BYTES)].to_owned()), // visible ASCII: any byte is a border
    }
}

fn is_id(text: &str) -> bool {
    (1..=REQUEST_ID_MAX_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
