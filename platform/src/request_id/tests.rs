use actix_web::dev::ServiceResponse;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpResponse};
use serde_json::{Value, json};

use super::*;

const TRACEPARENT_GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn answer(request: TestRequest) -> ServiceResponse {
    let app = init_service(
        App::new()
            .wrap(from_fn(middleware))
            .app_data(web::Data::new("10.0.0.0/8, fd00::/8".parse::<TrustedProxies>().unwrap()))
            .route(
                "/",
                web::get().to(|context: RequestContext| async move {
                    HttpResponse::Ok().json(json!({
                        "id": context.request_id,
                        "correlation": context.correlation(),
                        "traceparent": context.traceparent.to_string(),
                        "ip": context.ip,
                        "agent": context.user_agent,
                    }))
                }),
            )
            .default_service(web::to(crate::problem::unknown_route)),
    )
    .await;
    call_service(&app, request.to_request()).await
}

async fn context(request: TestRequest) -> Value {
    serde_json::from_slice(&read_body(answer(request).await).await).unwrap()
}

#[actix_web::test]
async fn a_sound_id_comes_back_and_a_strange_one_is_replaced() {
    let sound = answer(TestRequest::default().insert_header((X_REQUEST_ID, "build-7.step_3"))).await;
    assert_eq!(sound.headers().get(X_REQUEST_ID).unwrap(), "build-7.step_3");
    for strange in ["", "a b", "a\"b", &"x".repeat(65)] {
        let answer = answer(TestRequest::default().insert_header((X_REQUEST_ID, strange))).await;
        let id = answer.headers().get(X_REQUEST_ID).unwrap().to_str().unwrap();
        assert!(id.parse::<Uuid>().is_ok(), "{strange} became {id}");
    }
}

#[actix_web::test]
async fn a_problem_names_the_request() {
    let answer = answer(TestRequest::default().uri("/nothing").insert_header((X_REQUEST_ID, "abc"))).await;
    assert_eq!(answer.headers().get(X_REQUEST_ID).unwrap(), "abc");
    let problem: Value = serde_json::from_slice(&read_body(answer).await).unwrap();
    assert_eq!(problem["request_id"], "abc");
}

#[actix_web::test]
async fn the_trace_goes_on_under_a_span_of_our_own() {
    let seen = context(TestRequest::default().insert_header(("traceparent", TRACEPARENT_GIVEN))).await;
    let ours = seen["traceparent"].as_str().unwrap();
    assert!(ours.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && ours.ends_with("-01"), "{ours}");
    assert!(!ours.contains("00f067aa0ba902b7"));
}

#[actix_web::test]
async fn a_broken_or_doubled_trace_begins_anew() {
    let broken = TestRequest::default().insert_header(("traceparent", "00-zz-zz-01"));
    let doubled = TestRequest::default()
        .append_header(("traceparent", TRACEPARENT_GIVEN))
        .append_header(("traceparent", TRACEPARENT_GIVEN));
    for request in [broken, doubled] {
        let seen = context(request).await;
        let ours: TraceContext = seen["traceparent"].as_str().unwrap().parse().unwrap();
        assert!(!TRACEPARENT_GIVEN.contains(&ours.trace_id_hex()));
    }
}

#[actix_web::test]
async fn what_one_request_caused_shares_its_id_or_its_trace() {
    let id = Uuid::from_u128(7).to_string();
    assert_eq!(
        context(TestRequest::default().insert_header((X_REQUEST_ID, id.as_str()))).await["correlation"],
        id.as_str()
    );
    let traced =
        TestRequest::default().insert_header((X_REQUEST_ID, "word")).insert_header(("traceparent", TRACEPARENT_GIVEN));
    assert_eq!(context(traced).await["correlation"], "4bf92f35-77b3-4da6-a3ce-929d0e0e4736");
}

#[actix_web::test]
async fn the_clients_address_is_the_rightmost_that_no_proxy_of_ours_wrote() {
    for (peer, forwarded, client) in [
        ("203.0.113.9:1", "198.51.100.1", "203.0.113.9"), // no proxy of ours: whatever it claims
        ("10.0.0.1:1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1:1", "192.0.2.66, 198.51.100.1", "198.51.100.1"), // the left one is the client's own claim
        ("10.0.0.1:1", "198.51.100.1, 10.7.7.7", "198.51.100.1"),
        ("10.0.0.1:1", "unknown", "10.0.0.1"),
        ("10.0.0.1:1", "198.51.100.1, nonsense", "10.0.0.1"),
        ("[fd00::1]:1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("[::ffff:10.0.0.1]:1", "2001:db8::1", "2001:db8::1"),
    ] {
        let request =
            TestRequest::default().peer_addr(peer.parse().unwrap()).insert_header(("x-forwarded-for", forwarded));
        assert_eq!(context(request).await["ip"], client, "{peer} {forwarded}");
    }
}

#[actix_web::test]
async fn a_long_user_agent_is_cut() {
    let seen = context(TestRequest::default().insert_header((USER_AGENT, "x".repeat(1_000)))).await;
    assert_eq!(seen["agent"].as_str().unwrap().len(), USER_AGENT_MAX_BYTES);
}

#[test]
fn what_is_no_network_is_refused_at_start() {
    for text in ["10.0.0.0/33", "::/129", "10.0.0", "10.0.0.0/", "a", "10.0.0.1;10.0.0.2"] {
        assert!(text.parse::<TrustedProxies>().is_err(), "{text}");
    }
    assert!("0.0.0.0/0,::/0, 127.0.0.1,".parse::<TrustedProxies>().is_ok());
}
