//! Both APIs behind one address: GET and HEAD go to the query side, every other method to the command side.
//!
//! It knows paths of its own only for health; rights, bodies and answers belong to the APIs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer, guard};
use platform::metrics::{self, HttpMetrics};
use platform::problem::{Routes, unknown_route};
use platform::request_id;
use platform::security_headers::security_headers;
use platform::shutdown::HTTP_DRAIN_MAX_SECONDS;

use crate::services::Running;

/// How many ports after a taken one are tried.
const PORTS_TRIED: u16 = 100;

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
pub(crate) fn serve(running: &Running, http: HttpMetrics, listener: TcpListener) -> io::Result<Server> {
    let routes =
        Data::new(Routes::of([&command_api::openapi(), &query_api::openapi()]).and_pages(query_api::docs::PATHS));
    let http = Data::new(http);
    let access = Data::new(running.command_access.clone());
    let (commands, queries, health) = (running.commands.clone(), running.queries.clone(), running.health.clone());
    let server = HttpServer::new(move || {
        let queries = queries.clone();
        let reads = guard::Any(guard::Get()).or(guard::Head());
        App::new()
            .app_data(routes.clone())
            .app_data(http.clone())
            .app_data(access.clone())
            .configure(health.routes())
            // First, so that a GET of a path that only has commands is known for what it is: 405, not 404.
            .configure(command_api::server::configure(commands.clone()))
            .service(web::scope("").guard(reads).configure(move |app| queries.configure(app)))
            .default_service(web::to(unknown_route))
            .wrap(security_headers())
            .wrap(from_fn(metrics::middleware))
            .wrap(from_fn(request_id::middleware)) // outermost, so that every answer carries the id
    });
    Ok(server.disable_signals().shutdown_timeout(HTTP_DRAIN_MAX_SECONDS).listen(listener)?.run())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_leads_to_the_next() {
        let first = listen(0).unwrap();
        let taken = first.local_addr().unwrap().port();
        let second = listen(taken).unwrap().local_addr().unwrap();
        assert!(second.port() > taken && second.ip().is_loopback());
    }
}
