use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

async fn scraped(registry: &Registry) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = serve(registry.clone(), listener).unwrap();
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    handle.stop(true).await;
    running.await.unwrap().unwrap();
    answer
}

#[actix_web::test]
async fn requests_are_counted_by_their_pattern_and_never_by_what_the_client_wrote() {
    let registry = Registry::new();
    let metrics = HttpMetrics::register(&registry).unwrap();
    let app = init_service(
        App::new()
            .wrap(from_fn(middleware))
            .app_data(web::Data::new(metrics.clone()))
            .service(web::scope("/v1").route("/devices/{id}", web::get().to(HttpResponse::Ok)))
            .default_service(web::to(unknown_route)),
    )
    .await;
    for uri in ["/v1/devices/1", "/v1/devices/2", "/secret-path"] {
        call_service(&app, TestRequest::get().uri(uri).to_request()).await;
    }
    let invented = Method::from_bytes(b"INVENTED").unwrap();
    call_service(&app, TestRequest::default().method(invented).uri("/other-path").to_request()).await;

    let text = scraped(&registry).await;
    for line in [
        r#"http_requests_total{method="GET",route="/v1/devices/{id}",status="200"} 2"#,
        r#"http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
        r#"http_requests_total{method="other",route="unmatched",status="404"} 1"#,
        r#"http_request_duration_seconds_count{method="GET",route="/v1/devices/{id}"} 2"#,
        "http_requests_in_flight 0",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(!text.contains("path") && !text.contains("INVENTED"), "{text}");
}
