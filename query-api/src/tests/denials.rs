//! Refusals on their way to another process that is away, comes up late, and takes them.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use platform::auth::Principal;
use platform::denials::{Batch, PATH};
use platform::env::Secret;
use platform::request_id::RequestContext;
use platform::trace::TraceContext;
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use crate::access::Denial;
use crate::denials::{Config, Metrics, channel};

/// More than one batch holds.
const REFUSALS: usize = 300;
/// More than ever wait.
const FLOOD: usize = 20_000;

fn denial() -> Denial {
    let context = RequestContext {
        request_id: "request".to_owned(),
        traceparent: TraceContext::start(),
        ip: None,
        user_agent: None,
    };
    Denial { principal: Principal::Operator, operation: "GET /v1/users".to_owned(), context }
}

fn config(listener: &TcpListener) -> Config {
    let token = Secret::new("a token that is long enough for anybody".to_owned());
    Config { command_url: format!("http://{}", listener.local_addr().unwrap()), token }
}

#[actix_web::test]
async fn refusals_wait_for_a_command_side_that_is_away_and_all_are_handed_on() {
    let place = TcpListener::bind("127.0.0.1:0").unwrap();
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let (sink, sender) = channel(&config(&place), metrics.clone()).unwrap();
    let address = place.local_addr().unwrap();
    drop(place); // nobody listens there yet
    (0..REFUSALS).for_each(|_| sink(denial()));
    let stop = CancellationToken::new();
    let sending = tokio::spawn(sender.run(stop.clone()));
    until(|| metrics.retries.get() > 0).await;

    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let server = HttpServer::new(move || {
        let counted = Arc::clone(&counted);
        let take = move |batch: web::Json<Batch>| {
            counted.fetch_add(batch.denials.len(), Ordering::SeqCst);
            async { HttpResponse::NoContent().finish() }
        };
        App::new().route(PATH, web::post().to(take))
    });
    let server = server.workers(1).disable_signals().bind(address).unwrap().run();
    let handle = server.handle();
    let serving = tokio::spawn(server);
    until(|| taken.load(Ordering::SeqCst) >= REFUSALS).await;
    stop.cancel();
    sending.await.unwrap();
    assert_eq!((metrics.sent.get(), metrics.dropped.get()), (REFUSALS as u64, 0));
    handle.stop(false).await;
    serving.await.unwrap().unwrap();
}

#[actix_web::test]
async fn a_flood_that_nobody_takes_is_bounded_and_what_is_dropped_is_counted() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let (sink, sender) = channel(&config(&nobody), metrics.clone()).unwrap();
    (0..FLOOD).for_each(|_| sink(denial()));
    assert!(metrics.dropped.get() > 0 && metrics.dropped.get() < FLOOD as u64);
    drop(sender);
}

async fn until(seen: impl Fn() -> bool) {
    tokio::time::timeout(Duration::from_secs(60), async {
        while !seen() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}
