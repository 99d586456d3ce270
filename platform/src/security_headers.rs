//! The headers that every answer of an API carries. A handler that sets one itself keeps its own.
//!
//! No `Server` and no `X-Powered-By`: actix adds none, and neither do we.

use actix_web::middleware::DefaultHeaders;

/// `App::wrap(security_headers())`. A document that a browser shows needs its own `Content-Security-Policy`.
pub fn security_headers() -> DefaultHeaders {
    ALL.iter().fold(DefaultHeaders::new(), |headers, pair| headers.add(*pair))
}

/// Two years, as the preload lists ask.
pub const ALL: [(&str, &str); 9] = [
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Strict-Transport-Security", "max-age=63072000; includeSubDomains"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];

#[cfg(test)]
mod tests {
    use actix_web::{App, HttpResponse, test, web};

    use super::*;

    #[actix_web::test]
    async fn every_answer_carries_them_and_a_handler_may_say_otherwise() {
        let app = test::init_service(App::new().wrap(security_headers()).route(
            "/cached",
            web::get().to(|| async { HttpResponse::Ok().insert_header(("Cache-Control", "private")).finish() }),
        ))
        .await;

        let unknown = test::call_service(&app, test::TestRequest::get().uri("/nothing").to_request()).await;
        for (name, value) in ALL {
            assert_eq!(unknown.headers().get(name).unwrap(), value);
        }
        let cached = test::call_service(&app, test::TestRequest::get().uri("/cached").to_request()).await;
        assert_eq!(
            cached.headers().get_all("Cache-Control").map(|v| v.to_str().unwrap()).collect::<Vec<_>>(),
            ["private"]
        );
        assert_eq!(cached.headers().get("X-Frame-Options").unwrap(), "DENY");
        assert!(!cached.headers().contains_key("Server"));
    }
}
