//! Numbers about the process: one registry, its own port, and what every HTTP server counts.
//!
//! A metric is a documented field: its doc comment is its help text in other words. Labels come from closed sets; a
//! path, an id or anything else that a client can choose never becomes one.

pub mod process;
#[cfg(test)]
mod tests;

use std::io;
use std::net::TcpListener;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{App, HttpResponse, HttpServer, web};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

use crate::problem::{Problem, unknown_route};

/// From a cached answer to the longest that anybody waits.
const LATENCY_BUCKETS_SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.06, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// What asked for a route that does not exist.
const UNMATCHED: &str = "unmatched";

/// What an HTTP server counts. Registered once a process, shared as `web::Data`.
#[derive(Clone)]
pub struct HttpMetrics {
    /// Requests answered, by method, route pattern and status.
    pub requests_total: IntCounterVec,
    /// Seconds from the request's head to its answer's head, by method and route pattern.
    pub request_seconds: HistogramVec,
    /// Requests being answered at this moment.
    pub requests_in_flight: IntGauge,
}

impl HttpMetrics {
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            requests_total: IntCounterVec::new(
                Opts::new("http_requests_total", "Requests answered, by method, route pattern and status."),
                &["method", "route", "status"],
            )?,
            request_seconds: HistogramVec::new(
                HistogramOpts::new(
                    "http_request_duration_seconds",
                    "Seconds from a request's head to its answer's head, by method and route pattern.",
                )
                .buckets(LATENCY_BUCKETS_SECONDS.to_vec()),
                &["method", "route"],
            )?,
            requests_in_flight: IntGauge::new("http_requests_in_flight", "Requests being answered at this moment.")?,
        };
        registry.register(Box::new(metrics.requests_total.clone()))?;
        registry.register(Box::new(metrics.request_seconds.clone()))?;
        registry.register(Box::new(metrics.requests_in_flight.clone()))?;
        Ok(metrics)
    }
}

/// Counted down even where a client leaves in the middle.
struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// `App::wrap(from_fn(metrics::middleware))`, in an app with `web::Data<HttpMetrics>`.
pub async fn middleware<B: MessageBody + 'static>(
    metrics: web::Data<HttpMetrics>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let started = Instant::now();
    let method = method_label(request.method());
    metrics.requests_in_flight.inc();
    let _in_flight = InFlight(metrics.requests_in_flight.clone());
    let answer = next.call(request).await?;
    let route = answer.request().match_pattern();
    let route = route.as_deref().unwrap_or(UNMATCHED);
    let status = answer.status();
    metrics.requests_total.with_label_values(&[method, route, status.as_str()]).inc();
    let seconds = started.elapsed().as_secs_f64();
    metrics.request_seconds.with_label_values(&[method, route]).observe(seconds);
    if status.is_server_error() {
        tracing::warn!(route, status = status.as_u16(), seconds, "a request was answered with a failure");
    } else {
        tracing::debug!(route, status = status.as_u16(), seconds, "a request was answered");
    }
    Ok(answer)
}

/// Serves `/metrics` and nothing else. Bind the listener to 127.0.0.1 unless the scraper lives elsewhere.
pub fn serve(registry: Registry, listener: TcpListener) -> io::Result<Server> {
    let registry = web::Data::new(registry);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(registry.clone())
            .service(web::resource("/metrics").get(scrape))
            .default_service(web::to(unknown_route))
    });
    Ok(server.workers(1).disable_signals().listen(listener)?.run())
}

async fn scrape(registry: web::Data<Registry>) -> Result<HttpResponse, Problem> {
    let text = TextEncoder::new().encode_to_string(&registry.gather()).map_err(|error| Problem::internal(&error))?;
    Ok(HttpResponse::Ok().content_type(prometheus::TEXT_FORMAT).body(text))
}

/// A client may invent methods; a label may not.
fn method_label(method: &Method) -> &'static str {
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS]
        .iter()
        .zip(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
        .find_map(|(known, label)| (known == method).then_some(label))
        .unwrap_or("other")
}
