//! The APIs of this process behind one address: GET and HEAD go to the query side, every other method to the command
//! side; where only one of them is here, a proxy does the sorting.
//!
//! It knows paths of its own only for health; rights, bodies and answers belong to the APIs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpServer, guard};
use command_api::server::Services;
use platform::auth::{Authenticator, ServiceToken};
use platform::health::Health;
use platform::metrics::{self, HttpMetrics};
use platform::problem::{Routes, unknown_route};
use platform::rate_limit::{self, RateLimits};
use platform::request_id::{self, TrustedProxies};
use platform::security_headers::security_headers;
use platform::shutdown::HTTP_DRAIN_MAX_SECONDS;
use query_api::QueryApi;
use utoipa::openapi::OpenApi;

/// How many ports after a taken one are tried.
const PORTS_TRIED: u16 = 100;

/// What is mounted.
#[derive(Clone)]
pub(crate) struct Mounts {
    pub(crate) commands: Option<Commands>,
    pub(crate) queries: Option<QueryApi>,
    pub(crate) health: Health,
    /// `SECURENET_TRUSTED_PROXIES`: whose word about a client's address is taken.
    pub(crate) proxies: TrustedProxies,
    pub(crate) limits: RateLimits,
}

#[derive(Clone)]
pub(crate) struct Commands {
    pub(crate) services: Services,
    pub(crate) access: Authenticator,
    pub(crate) service_token: Option<ServiceToken>,
}

/// On this machine alone: the wanted port, or the next that is free.
pub(crate) fn listen(wanted: u16) -> io::Result<TcpListener> {
    let last = wanted.saturating_add(PORTS_TRIED);
    let mut port = wanted;
    loop {
        match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && port < last => port += 1,
            outcome => return outcome,
        }
    }
}

/// Serves until it is told to stop through its handle.
pub(crate) fn serve(mounts: Mounts, http: HttpMetrics, listener: TcpListener) -> io::Result<Server> {
    // Of both sides wherever one is served: what a path has is the same for whoever looks from outside.
    let routes =
        Data::new(Routes::of([&command_api::openapi(), &query_api::openapi()]).and_pages(query_api::docs::PATHS));
    let http = Data::new(http);
    let (proxies, limits) = (Data::new(mounts.proxies.clone()), Data::new(mounts.limits.clone()));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(routes.clone())
            .app_data(http.clone())
            .app_data(proxies.clone())
            .app_data(limits.clone())
            .configure(mounts.health.routes())
            .configure(|app| mount(&mounts, app))
            .default_service(web::to(unknown_route))
            .wrap(from_fn(rate_limit::middleware)) // innermost: it asks who is calling, and what it refuses is counted
            .wrap(security_headers())
            .wrap(from_fn(metrics::middleware))
            .wrap(from_fn(request_id::middleware)) // outermost, so that every answer carries the id
    });
    Ok(server.disable_signals().shutdown_timeout(HTTP_DRAIN_MAX_SECONDS).listen(listener)?.run())
}

/// Commands first, so that a GET of a path that only has commands is known for what it is: 405, not 404.
fn mount(mounts: &Mounts, app: &mut ServiceConfig) {
    match mounts.commands.clone() {
        Some(Commands { services, access, service_token }) => {
            app.app_data(Data::new(access));
            if let Some(token) = service_token {
                app.configure(command_api::routes::internal::configure(token));
            }
            app.configure(command_api::server::configure(services));
        }
        None => name_only(&command_api::openapi(), app),
    }
    match mounts.queries.clone() {
        Some(queries) => {
            if mounts.commands.is_none() {
                app.app_data(queries.access());
            }
            let reads = guard::Any(guard::Get()).or(guard::Head());
            app.service(web::scope("").guard(reads).configure(move |app| queries.configure(app)));
        }
        None => name_only(&query_api::openapi(), app),
    }
}

/// Paths that another process serves: known here, so that a wrong method is told from a wrong path, and never matched.
fn name_only(document: &OpenApi, app: &mut ServiceConfig) {
    for path in document.paths.paths.keys() {
        app.service(web::resource(path.as_str()).guard(guard::fn_guard(|_| false)));
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;
    use actix_web::test::{TestRequest, call_service, init_service};

    use super::*;

    #[actix_web::test]
    async fn a_path_of_the_other_process_is_known_and_not_served() {
        let routes = Data::new(Routes::of([&command_api::openapi(), &query_api::openapi()]));
        let metrics = rate_limit::Metrics::register(&prometheus::Registry::new()).unwrap();
        let limits = RateLimits::new(rate_limit::Settings::off(), None, metrics);
        let (health, proxies) = (Health::default(), Default::default());
        let mounts = Mounts { commands: None, queries: None, health, proxies, limits };
        let app =
            App::new().app_data(routes).configure(|app| mount(&mounts, app)).default_service(web::to(unknown_route));
        let app = init_service(app).await;
        for (uri, status) in
            [("/v1/sessions", 405), ("/v1/summary", 405), ("/v1/nothing", 404), ("/internal/denials", 404)]
        {
            for method in [Method::GET, Method::PUT] {
                let answer = call_service(&app, TestRequest::with_uri(uri).method(method).to_request()).await;
                assert_eq!(answer.status().as_u16(), status, "{uri}");
            }
        }
    }

    #[test]
    fn a_taken_port_leads_to_the_next() {
        let first = listen(0).unwrap();
        let taken = first.local_addr().unwrap().port();
        let second = listen(taken).unwrap().local_addr().unwrap();
        assert!(second.port() > taken && second.ip().is_loopback());
    }
}
