//! The OpenAPI 3.1 document of every command. What each operation shares with the others (refusals, headers, who may
//! call) is added here once; it never describes a query.

use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, RefOr, Required, Response, ResponseBuilder, Schema};
use utoipa::{Modify, OpenApi};

use crate::idempotency::KEY_MAX_CHARS;
use crate::routes;

/// The document as it is served and committed.
#[must_use]
pub fn openapi() -> Document {
    Commands::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "SecureNet commands",
        description = "Everything that changes something. Each answer carries `X-Consistency`: send it with a query, and the answer is not older.",
    ),
    paths(
        routes::organizations::found,
        routes::organizations::change_plan,
        routes::organizations::suspend,
        routes::organizations::resume,
        routes::users::invite,
        routes::users::set_role,
        routes::users::disable,
        routes::users::enable,
        routes::invitations::accept,
        routes::sessions::log_in,
        routes::sessions::log_out,
        routes::api_keys::issue,
        routes::api_keys::revoke,
        routes::devices::register,
        routes::devices::change_identifiers,
        routes::devices::report_status,
        routes::devices::retire,
        routes::findings::raise,
        routes::findings::observe,
        routes::triage::change_severity,
        routes::triage::confirm,
        routes::triage::mark_false_positive,
        routes::triage::mark_out_of_scope,
        routes::triage::start_work,
        routes::triage::claim_fixed,
        routes::triage::verify_fix,
        routes::triage::assign,
        routes::triage::note,
        routes::triage::request_acceptance,
        routes::triage::approve_acceptance,
        routes::triage::decline_acceptance,
        routes::triage::resolve,
        routes::triage::reopen,
        routes::scans::upload,
        routes::projections::rebuild,
        routes::projections::switch,
        routes::projections::retire,
        routes::projections::pause,
        routes::projections::resume,
        routes::projections::verify,
        routes::projections::repair,
        routes::projections::retry,
        routes::projections::skip,
    ),
    components(schemas(platform::problem::Problem)),
    modifiers(&Shared),
)]
struct Commands;

struct Shared;

/// Status, when, and whether it needs a body, a resource or a bearer to happen.
const REFUSALS: [(&str, &str, Needs); 13] = [
    ("400", "The request cannot be read.", Needs::Nothing),
    ("401", "Nobody is signed in, or no longer.", Needs::Nothing),
    ("403", "The caller may not do this. The attempt is in the audit trail.", Needs::Bearer),
    ("404", "There is no such thing in the caller's organization.", Needs::Nothing),
    ("409", "It is not possible in the present state; the code says why.", Needs::Nothing),
    ("410", "It was there and is used up or expired.", Needs::Nothing),
    ("412", "The version in If-Match is not the current one.", Needs::Bearer),
    ("413", "The body is too large.", Needs::Body),
    ("415", "The body is not of a type this operation reads.", Needs::Body),
    ("422", "Fields are wrong, each is named; or the Idempotency-Key was used for another request.", Needs::Nothing),
    ("429", "There were too many requests. Retry-After says when to try again.", Needs::Nothing),
    ("500", "The server failed; the request id finds the reason in its log.", Needs::Nothing),
    ("503", "Overloaded or without its database for the moment. Retry-After says when to try again.", Needs::Nothing),
];

#[derive(Clone, Copy, PartialEq)]
enum Needs {
    Nothing,
    Bearer,
    Body,
}

impl Modify for Shared {
    fn modify(&self, document: &mut Document) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
            "A session's access token, a scanner key, or (organizations and projections only) the operator token.",
        ));
        let components = document.components.get_or_insert_default();
        components.security_schemes.insert("bearer".into(), RefOr::T(SecurityScheme::Http(bearer.build())));
        for (path, item) in &mut document.paths.paths {
            operations(item).for_each(complete);
            // What is created has no version before that could match.
            let creates = item.post.is_some() && !path.contains('{');
            for operation in operations(item).filter(|operation| needs_bearer(operation)) {
                let parameters = operation.parameters.get_or_insert_default();
                parameters.push(RefOr::T(idempotency_key()));
                if !creates {
                    parameters.push(RefOr::T(if_match()));
                }
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.post, &mut item.put, &mut item.delete].into_iter().flatten()
}

fn complete(operation: &mut Operation) {
    let bearer = needs_bearer(operation);
    let body = operation.request_body.is_some();
    for (status, description, needs) in REFUSALS {
        let applies = match needs {
            Needs::Nothing => true,
            Needs::Bearer => bearer,
            Needs::Body => body,
        };
        if applies {
            operation
                .responses
                .responses
                .entry(status.into())
                .or_insert_with(|| RefOr::T(refusal(status, description)));
        }
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            add_headers(status, response);
        }
    }
}

fn needs_bearer(operation: &Operation) -> bool {
    operation.security.as_ref().is_some_and(|needs| !needs.is_empty())
}

fn refusal(status: &str, description: &str) -> Response {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description(description).content("application/problem+json", problem);
    match status {
        "429" | "503" => response.header("Retry-After", header(Type::Integer, "Seconds to wait.")).build(),
        "401" => response
            .header(
                "WWW-Authenticate",
                header(Type::String, "`Bearer`, and what is wrong with the token if there was one."),
            )
            .build(),
        _ => response.build(),
    }
}

fn add_headers(status: &str, response: &mut Response) {
    let mut add = |name: &str, text: &str| {
        response.headers.insert(name.into(), RefOr::T(header(Type::String, text)));
    };
    add("X-Request-Id", "Names this request in logs and in the audit trail.");
    if status.starts_with('2') {
        add("X-Consistency", "The position of the change, `<epoch>.<partition>.<seq>`.");
    }
    if status == "201" {
        add("Location", "Where queries find what was created.");
    }
}

fn header(kind: Type, description: &str) -> Header {
    let mut header = Header::new(ObjectBuilder::new().schema_type(kind).build());
    header.description = Some(description.into());
    header
}

fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(KEY_MAX_CHARS));
    let schema = schema.pattern(Some("^[!-~]+$")).build();
    optional_header("Idempotency-Key", "Makes repeating the request harmless: the first answer is given again.", schema)
}

fn if_match() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r#"^"[0-9]{1,18}(-[!#-~]*)?"$"#)).build();
    optional_header("If-Match", "The ETag of the resource as the caller saw it; a newer version answers 412.", schema)
}

fn optional_header(name: &str, description: &str, schema: utoipa::openapi::Object) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(RefOr::T(Schema::Object(schema))))
        .build()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_committed_document_is_the_one_the_code_describes() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        let mut described = super::openapi().to_pretty_json().unwrap();
        described.push('\n');
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(&path, &described).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == described,
            "openapi.json is stale; UPDATE_OPENAPI=1 cargo test -p command-api rewrites it"
        );
    }
}
