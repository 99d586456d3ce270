//! Both OpenAPI documents, and one page that shows them without a network.
//!
//! The page, its script and its style come out of the binary. The other service's document is handed in, because this
//! crate does not know that service.

use std::sync::Arc;

use actix_web::{
    HttpResponse, Resource,
    http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, LOCATION},
    web::{self, Bytes, Path, ServiceConfig},
};
use platform::problem::unknown_route;
use utoipa_swagger_ui::{Config, Url, serve};

use crate::{error::Failure, openapi::openapi};

/// Where the documents and the page are served. No document says so, so whoever answers 405 has to be told.
pub const PATHS: [&str; 4] = [COMMAND_DOCUMENT, QUERY_DOCUMENT, PAGE, PAGE_FILES];
const COMMAND_DOCUMENT: &str = "/openapi/command-api.json";
const QUERY_DOCUMENT: &str = "/openapi/query-api.json";
const PAGE: &str = "/docs";
const PAGE_FILES: &str = "/docs/{file:.*}";
/// The page runs its own script and style, calls this very server, and shows its own pictures.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Both documents as they are sent.
#[derive(Clone)]
pub struct Documents {
    command: Bytes,
    query: Bytes,
}

impl Documents {
    pub fn new(command: serde_json::Value) -> Self {
        let query = openapi().to_json().expect("the document is made of plain text and numbers");
        Self { command: Bytes::from(command.to_string()), query: Bytes::from(query) }
    }
}

pub fn mount(documents: &Documents, app: &mut ServiceConfig) {
    serve_document(app, COMMAND_DOCUMENT, documents.command.clone());
    serve_document(app, QUERY_DOCUMENT, documents.query.clone());
    let urls = [Url::with_primary("Queries", QUERY_DOCUMENT, true), Url::new("Commands", COMMAND_DOCUMENT)];
    let config = Arc::new(Config::new(urls).validator_url("none").persist_authorization(false));
    let page = move |file: Path<String>| {
        let config = Arc::clone(&config);
        async move { show(&file, config) }
    };
    let redirect = || async { HttpResponse::PermanentRedirect().insert_header((LOCATION, "docs/")).finish() };
    app.service(resource(PAGE).get(redirect).head(redirect));
    app.service(resource(PAGE_FILES).get(page.clone()).head(page));
}

/// Other methods than those it is given answer 405.
fn resource(path: &str) -> Resource {
    web::resource(path).default_service(web::to(unknown_route))
}

fn serve_document(app: &mut ServiceConfig, path: &str, document: Bytes) {
    let handler = move || {
        let document = document.clone();
        async move { HttpResponse::Ok().content_type("application/json").body(document) }
    };
    app.service(resource(path).get(handler.clone()).head(handler));
}

fn show(file: &str, config: Arc<Config<'static>>) -> Result<HttpResponse, Failure> {
    match serve(file, config) {
        Ok(Some(file)) => {
            let mut answer = HttpResponse::Ok();
            answer.content_type(file.content_type);
            answer.insert_header((CACHE_CONTROL, "no-cache")).insert_header((CONTENT_SECURITY_POLICY, PAGE_POLICY));
            if file.gzpipped {
                answer.insert_header((CONTENT_ENCODING, "gzip"));
            }
            Ok(answer.body(file.bytes.into_owned()))
        }
        Ok(None) | Err(_) => Err(Failure::not_found()),
    }
}
