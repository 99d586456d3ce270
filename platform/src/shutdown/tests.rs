use std::sync::{Arc, Mutex};

use actix_web::{App, HttpResponse, HttpServer, web};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::*;

fn worker(shutdown: &mut Shutdown, name: &'static str, log: &Arc<Mutex<Vec<&'static str>>>) {
    let (stop, log) = (CancellationToken::new(), log.clone());
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        stopped.cancelled().await;
        log.lock().unwrap().push(name);
    });
    shutdown.worker(name, stop, task);
}

#[tokio::test]
async fn workers_stop_one_after_the_other_after_readiness_is_red() {
    let health = Health::default();
    let log = Arc::default();
    let mut shutdown = Shutdown::new(health.clone(), Environment::Dev);
    worker(&mut shutdown, "timer", &log);
    worker(&mut shutdown, "appender", &log);
    worker(&mut shutdown, "projector", &log);
    assert_eq!(shutdown.run().await, Outcome::default());
    assert_eq!(*log.lock().unwrap(), ["timer", "appender", "projector"]);
    assert!(health.is_draining());
}

#[tokio::test]
async fn a_worker_that_does_not_stop_is_named_and_left_behind_in_time() {
    let log = Arc::default();
    let mut shutdown = Shutdown::new(Health::default(), Environment::Dev);
    shutdown.worker("stuck", CancellationToken::new(), tokio::spawn(std::future::pending()));
    worker(&mut shutdown, "appender", &log);
    let outcome = shutdown.run_until(Instant::now() + Duration::from_millis(10)).await;
    assert_eq!(outcome.late.first(), Some(&"stuck"));
}

#[tokio::test]
async fn a_worker_that_ends_by_itself_is_a_reason_to_stop() {
    let log = Arc::default();
    let mut shutdown = Shutdown::new(Health::default(), Environment::Dev);
    worker(&mut shutdown, "timer", &log);
    shutdown.worker("projector", CancellationToken::new(), tokio::spawn(async {}));
    assert_eq!(shutdown.reason().await.unwrap(), Reason::WorkerEnded("projector"));
    assert_eq!(shutdown.run().await, Outcome::default());
    assert_eq!(*log.lock().unwrap(), ["timer"]);
}

#[actix_web::test]
async fn a_running_request_is_answered_and_a_new_connection_is_not() {
    let (entered, leave) = (web::Data::new(Notify::new()), web::Data::new(Notify::new()));
    let (entering, leaving) = (entered.clone(), leave.clone());
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::new((entering.clone(), leaving.clone()))).route(
            "/",
            web::get().to(|gates: web::Data<(web::Data<Notify>, web::Data<Notify>)>| async move {
                gates.0.notify_one();
                gates.1.notified().await;
                HttpResponse::Ok().body("done")
            }),
        )
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(HTTP_DRAIN_MAX_SECONDS)
    .bind("127.0.0.1:0")
    .unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let health = Health::default();
    let mut shutdown = Shutdown::new(health.clone(), Environment::Dev);
    shutdown.server("api", server.handle());
    let running = tokio::spawn(server);

    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    entered.notified().await;
    let stopping = tokio::task::spawn_local(shutdown.run());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(health.is_draining());
    leave.notify_one();

    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    assert_eq!(stopping.await.unwrap(), Outcome::default());
    running.await.unwrap().unwrap();
}
