//! The OpenAPI document: what is asked of whom, and every answer there can be.
//!
//! It is made of the handlers' own annotations and committed as `openapi.json`; a test fails when the two differ.
//! The pieces that many routes share, headers, page parameters and problems, are written once, here.

use std::collections::BTreeMap;

use platform::problem::{FieldError, Problem};
use utoipa::{
    IntoParams, IntoResponses, Modify, OpenApi,
    openapi::{
        ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use crate::{
    routes,
    vocabulary::{FindingOrder, ObjectKind},
};

/// The document of this service.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "SecureNet queries",
        description = "Reads what the commands led to. Answers may lag behind a command by some milliseconds; send the \
                       `X-Consistency` a command answered to read what it wrote.",
        version = "1",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "This server")),
    paths(
        routes::me::show,
        routes::organizations::show_own,
        routes::organizations::list,
        routes::users::list,
        routes::api_keys::list,
        routes::devices::list,
        routes::devices::show,
        routes::findings::list,
        routes::findings::show,
        routes::findings::history,
        routes::scans::list,
        routes::scans::show,
        routes::summary::show,
        routes::audit_trail::list,
        routes::projections::list,
        routes::projections::show,
        routes::projections::list_parked,
        routes::projections::show_operation,
    ),
    components(schemas(Problem, FieldError, FindingOrder, ObjectKind)),
    modifiers(&BearerToken)
)]
struct Document;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description =
            Some("A session's access token, a scanner key, or for the operator's routes the operator's token.".into());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// How a list is paged.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what `page` reads")]
pub struct PageParameters {
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before, asked for with the same filters and order.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// Reading one's own writes.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only describes what `freshness` reads")]
pub struct ConsistencyHeader {
    /// A position a command answered: the answer is at least as new, or comes after a wait of 2 seconds at most as 425.
    #[param(rename = "X-Consistency", required = false, value_type = String, pattern = r"^[0-9]{1,10}\.[0-9]{1,2}\.[0-9]{1,19}$")]
    x_consistency: Option<String>,
}

/// Asking only for what changed.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only describes what `conditional` reads")]
pub struct ConditionalHeaders {
    /// The `ETag` of the answer already held.
    #[param(rename = "If-None-Match", required = false, value_type = String)]
    if_none_match: Option<String>,
}

/// A problem a route may answer.
type Row = (&'static str, &'static str);

const BAD_REQUEST: Row = ("400", "A parameter or the consistency token cannot be read, or is not of this query");
const UNAUTHORIZED: Row = ("401", "Who is calling is not known");
const FORBIDDEN: Row = ("403", "The caller may not ask for this");
const NOT_FOUND: Row = ("404", "There is no such resource in the caller's organization");
const GONE: Row = ("410", "The position in X-Consistency was lost in a restore");
const TOO_EARLY: Row = ("425", "The read models have not reached the position in X-Consistency yet");
const TOO_MANY: Row = ("429", "There were too many requests");
const UNAVAILABLE: Row = ("503", "Something this needs cannot be reached, or waits for a repair");

/// What an answer that has no tag may be beside itself.
pub struct AnswerProblems;
/// What every list may answer beside its page.
pub struct ListProblems;
/// What a list below a resource may answer beside its page.
pub struct NestedListProblems;
/// What every resource may answer beside itself.
pub struct ResourceProblems;

impl IntoResponses for AnswerProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, GONE, TOO_EARLY, TOO_MANY, UNAVAILABLE])
    }
}

impl IntoResponses for ListProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        or_held(AnswerProblems::responses())
    }
}

impl IntoResponses for NestedListProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut responses = ListProblems::responses();
        responses.extend(problems(&[NOT_FOUND]));
        responses
    }
}

impl IntoResponses for ResourceProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        NestedListProblems::responses()
    }
}

fn or_held(mut responses: BTreeMap<String, RefOr<Response>>) -> BTreeMap<String, RefOr<Response>> {
    let held = ResponseBuilder::new().description("The answer already held is still right").build();
    responses.insert("304".to_owned(), held.into());
    responses
}

fn problems(rows: &[Row]) -> BTreeMap<String, RefOr<Response>> {
    rows.iter().map(|row| (row.0.to_owned(), problem(*row).into())).collect()
}

fn problem((status, description): Row) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let mut response =
        ResponseBuilder::new().description(description).content(platform::problem::CONTENT_TYPE, content);
    if [TOO_EARLY.0, TOO_MANY.0, UNAVAILABLE.0].contains(&status) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
        let header =
            HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds to wait before asking again"));
        response = response.header("Retry-After", header.build());
    }
    response.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

    #[test]
    fn the_committed_document_is_the_one_the_code_describes() {
        let mut described = openapi().to_pretty_json().unwrap();
        described.push('\n');
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(COMMITTED, &described).unwrap();
        }
        let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
        assert!(committed == described, "openapi.json differs; look at the change, then run with UPDATE_OPENAPI=1");
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let text = openapi().to_json().unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let references = text.split("\"#/").skip(1).filter_map(|rest| rest.split('"').next());
        for reference in references {
            assert!(document.pointer(&format!("/{reference}")).is_some(), "{reference}");
        }
    }

    #[test]
    fn the_document_is_of_version_3_1_and_every_operation_needs_a_token() {
        let document = serde_json::to_value(openapi()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        for (path, item) in document["paths"].as_object().unwrap() {
            let operation = &item["get"];
            assert_eq!(operation["security"][0]["bearer"], serde_json::json!([]), "{path}");
            for status in ["200", "400", "401", "403", "410", "425", "429", "503"] {
                assert!(operation["responses"].get(status).is_some(), "{path} lacks {status}");
            }
        }
    }
}
