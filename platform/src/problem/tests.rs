use std::collections::HashSet;

use actix_web::dev::ServiceResponse;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpResponse, web};
use serde_json::{Value, json};

use super::extract::configure_extractors;
use super::*;

async fn body_of(answer: ServiceResponse) -> Value {
    assert_eq!(answer.headers().get("content-type").unwrap(), CONTENT_TYPE);
    serde_json::from_slice(&read_body(answer).await).unwrap()
}

/// Two routes under one pattern, as two documents would give them, in an app with every handler of this module.
async fn answer(request: TestRequest) -> ServiceResponse {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Query {
        #[serde(rename = "limit")]
        _limit: Option<u8>,
    }
    let operation = || utoipa::openapi::path::OperationBuilder::new().build();
    let document = |method| {
        utoipa::openapi::OpenApiBuilder::new()
            .paths(
                utoipa::openapi::PathsBuilder::new()
                    .path("/things/{id}", utoipa::openapi::PathItem::new(method, operation())),
            )
            .build()
    };
    let documents = [document(utoipa::openapi::HttpMethod::Get), document(utoipa::openapi::HttpMethod::Put)];
    let app = init_service(
        App::new()
            .configure(configure_extractors)
            .app_data(web::Data::new(Routes::of(&documents)))
            .service(
                web::resource("/things/{id}")
                    .route(
                        web::get().to(|_: web::Path<u32>, _: web::Query<Query>| async { HttpResponse::Ok().finish() }),
                    )
                    .default_service(web::to(unknown_route)),
            )
            .default_service(web::to(unknown_route)),
    )
    .await;
    call_service(&app, request.to_request()).await
}

#[test]
fn every_code_is_a_row_of_its_own_with_an_error_status() {
    let codes: HashSet<_> = Code::ALL.map(Code::as_str).into_iter().collect();
    assert_eq!(codes.len(), Code::ALL.len());
    for code in Code::ALL {
        let status = code.status();
        assert!(status.is_client_error() || status == 500 || status == 503, "{code:?}");
        assert!(code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{code:?}");
        assert_eq!(Problem::new(code).status(), status);
    }
    assert_eq!(Code::PositionNotReached.status().as_u16(), 425);
}

#[actix_web::test]
async fn a_problem_says_what_the_client_can_act_on() {
    let problem = Problem::new(Code::ValidationFailed).detail("Two fields are wrong.").field(
        "/title",
        "too-long",
        "At most 500.",
    );
    let rendered = actix_web::body::to_bytes(problem.error_response().into_body()).await.unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&rendered).unwrap(),
        json!({
            "type": "urn:securenet:problem:validation-failed",
            "title": "Some fields are not valid",
            "status": 422,
            "code": "validation-failed",
            "detail": "Two fields are wrong.",
            "errors": [{ "pointer": "/title", "code": "too-long", "detail": "At most 500." }],
        })
    );
}

#[test]
fn a_refusal_keeps_its_own_code_in_the_status_of_its_row() {
    let refusal = Problem::refused(Code::InvalidTransition, "device-retired");
    assert_eq!((refusal.code(), refusal.status().as_u16()), ("device-retired", 409));
}

#[test]
fn what_a_client_must_know_stands_in_the_headers() {
    let of = |problem: Problem, name: &str| {
        problem.error_response().headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(of(Problem::new(Code::Overloaded).retry_after(2), "retry-after").as_deref(), Some("2"));
    assert_eq!(of(Problem::new(Code::AuthenticationRequired), "www-authenticate").as_deref(), Some("Bearer"));
    assert_eq!(of(method_not_allowed("GET, PUT"), "allow").as_deref(), Some("GET, PUT"));
    assert_eq!(of(Problem::new(Code::Forbidden), "www-authenticate"), None);
}

#[test]
fn a_problem_never_grows_with_what_the_client_sent() {
    let problem = Problem::new(Code::ValidationFailed)
        .detail("ü".repeat(10_000))
        .fields((0..1_000).map(|i| FieldError { pointer: format!("/{i}"), code: "x".into(), detail: String::new() }));
    assert!(problem.detail.as_ref().unwrap().len() <= DETAIL_MAX_BYTES + '…'.len_utf8());
    assert_eq!(problem.errors().len(), FIELD_ERRORS_MAX);
}

#[test]
fn the_cause_of_an_internal_error_stays_inside() {
    let problem = Problem::internal(&std::io::Error::other("password=hunter2"));
    assert!(!serde_json::to_string(&problem).unwrap().contains("hunter2"));
}

#[test]
fn the_log_walks_the_chain_of_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("the append failed")]
    struct Outer(#[source] std::io::Error);
    assert_eq!(chain(&Outer(std::io::Error::other("no route"))), "the append failed: no route");
}

#[actix_web::test]
async fn an_unknown_path_is_not_found() {
    let answer = answer(TestRequest::get().uri("/nothing")).await;
    assert_eq!(answer.status(), 404);
    assert_eq!(body_of(answer).await["code"], "not-found");
}

#[actix_web::test]
async fn an_unknown_method_learns_the_methods_of_both_documents() {
    let answer = answer(TestRequest::delete().uri("/things/7")).await;
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.headers().get("allow").unwrap(), "GET, HEAD, PUT");
    assert_eq!(body_of(answer).await["code"], "method-not-allowed");
}

#[test]
fn a_page_that_no_document_has_can_only_be_read() {
    let routes = Routes::of([]).and_pages(["/docs/{file:.*}"]);
    assert_eq!((routes.allow("/docs/{file:.*}"), routes.allow("/docs")), (Some("GET, HEAD"), None));
}

#[actix_web::test]
async fn a_path_or_query_that_cannot_be_read_is_malformed() {
    for uri in ["/things/seven", "/things/7?limit=300", "/things/7?colour=red"] {
        let answer = answer(TestRequest::get().uri(uri)).await;
        assert_eq!(answer.status(), 400, "{uri}");
        assert_eq!(body_of(answer).await["code"], "malformed-request", "{uri}");
    }
    assert_eq!(answer(TestRequest::get().uri("/things/7?limit=3")).await.status(), 200);
}
