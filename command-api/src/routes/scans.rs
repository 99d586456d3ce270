//! Reports of scanners, as they come from the tool.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::Data;
use platform::problem::{Code, Problem};
use platform::request_id;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answers;
use crate::caller::{Call, Reporters};
use crate::error::Error;
use crate::handle::Done;
use crate::idempotency::Idempotency;
use crate::scans::scope;
use crate::scans::{self, BodyError, Cause, Interrupted, NO_PLACE_RETRY_AFTER_SECONDS, SCAN_MAX_BYTES, Tally};
use crate::server::Services;

const CONTENT_TYPES: [&str; 3] = ["application/xml", "text/xml", "application/octet-stream"];

/// A report that was read to its end.
#[derive(Serialize, ToSchema)]
pub struct Scanned {
    id: Uuid,
    #[schema(minimum = 1)]
    version: i64,
    #[serde(flatten)]
    tally: Tally,
}

/// Send a scanner's report
///
/// An Nmap XML report (`nmap -oX`) of at most 256 MB. Hosts that are up become devices, open ports and results of
/// `vulners` become findings. Sent again, a report completes what is missing and changes nothing else: it is the same
/// scan, and what was declared and counted first stands. What a scanner key sends is a scan of its own, whoever else
/// sent the same report; its devices and findings are the same ones. A report that ends early or is broken is answered
/// with a problem whose `applied` says what was applied before; one whose start lies in the future is refused whole.
#[utoipa::path(
    post, path = "/v1/scans", tag = "scans", security(("bearer" = [])),
    params((
        "scope" = Option<Vec<String>>, Query, style = Form, explode = false, min_items = 1, max_items = 128,
        description = "What the scan was to cover, parted by commas: host names, addresses or ranges like \
            `10.0.0.0/24`. Kept with the scan; a report itself does not say it reliably.",
        example = json!(["10.0.0.0/24", "web.example.org"]),
    )),
    request_body(content(
        (String = "application/xml"), (String = "text/xml"), (String = "application/octet-stream")
    )),
    responses((status = 200, body = Scanned)),
)]
pub async fn upload(services: Data<Services>, mut call: Call<Reporters>) -> Result<HttpResponse, Problem> {
    let (handler, tenant) = (&services.handler, call.tenant());
    // Before anything is read: an answer that waits for the body would be one more upload to hold.
    let Some(place) = services.imports.take(tenant) else { return Err(no_place()) };
    let mut payload = call.take_payload();
    let checked = call.expect_nothing().and_then(|()| check_headers(call.request().headers()));
    let hosts = match checked.and_then(|()| scope::declared(call.request().query_string())) {
        Ok(hosts) => hosts,
        Err(problem) => {
            scans::drain(&mut payload, SCAN_MAX_BYTES).await;
            return Err(problem);
        }
    };
    if let Some(key) = call.idempotency(&services, tenant)
        && key.is_known(&handler.store).await?
    {
        let passed = scans::pass(&mut payload).await.map_err(body_problem)?;
        let key = call.idempotency_of(&services, tenant, &scope::told_apart_by(&hosts, &passed));
        return Ok(repeated(&handler.replay(key.as_ref()).await?.ok_or(Error::NotFound)?));
    }
    let imported = match scans::import(handler, tenant, &call.origin, &mut payload, &place).await {
        Ok(imported) => imported,
        Err(interrupted) => return Ok(refused(interrupted)),
    };
    let key: Option<Idempotency> =
        call.idempotency_of(&services, tenant, &scope::told_apart_by(&hosts, &imported.passed));
    let done = match scans::record(handler, tenant, &call.origin, &imported, hosts, key).await {
        Ok(done) => done,
        Err(error) => return Ok(refused(Interrupted { cause: Cause::Ours(error), tally: imported.tally })),
    };
    Ok(answers::respond(&done, "", &Scanned { id: done.id, version: done.version, tally: imported.tally }))
}

fn repeated(done: &Done) -> HttpResponse {
    let tally = done.extra.clone().and_then(|extra| serde_json::from_value(extra).ok()).unwrap_or_default();
    answers::respond(done, "", &Scanned { id: done.id, version: done.version, tally })
}

fn check_headers(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = text(CONTENT_TYPE).and_then(|text| text.split(';').next()).map(|kind| kind.trim().to_ascii_lowercase());
    if !kind.is_some_and(|kind| CONTENT_TYPES.contains(&kind.as_str())) {
        return Err(unsupported("A report is application/xml, text/xml or application/octet-stream."));
    }
    if text(CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(unsupported("A report must not be compressed."));
    }
    let length = text(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    match length.is_some_and(|length| length > SCAN_MAX_BYTES) {
        true => Err(body_problem(BodyError::TooLarge)),
        false => Ok(()),
    }
}

fn unsupported(detail: &'static str) -> Problem {
    Problem::new(Code::UnsupportedMediaType).detail(detail)
}

fn body_problem(error: BodyError) -> Problem {
    match error {
        BodyError::TooLarge => {
            Problem::new(Code::PayloadTooLarge).detail(format!("A report holds at most {SCAN_MAX_BYTES} bytes."))
        }
        BodyError::Broken => Problem::new(Code::MalformedRequest).detail("The body broke off before its end."),
        BodyError::Idle => {
            Problem::new(Code::MalformedRequest).detail("The body was given up: nothing came for too long.")
        }
    }
}

fn no_place() -> Problem {
    Problem::new(Code::Overloaded)
        .detail("Too many reports are being read at the moment.")
        .retry_after(NO_PLACE_RETRY_AFTER_SECONDS)
}

/// A problem that also says what was applied before it happened.
fn refused(interrupted: Interrupted) -> HttpResponse {
    let problem = match interrupted.cause {
        Cause::Body(error) => body_problem(error),
        Cause::Report(error) => Problem::refused(Code::ValidationFailed, error.code()).detail(error.to_string()),
        // What is wrong lies in the report, not in a field that a pointer could name.
        Cause::Ours(Error::Refused { code, detail }) => Problem::refused(Code::ValidationFailed, code).detail(detail),
        Cause::Ours(error) => error.into(),
    };
    let answer = actix_web::ResponseError::error_response(&problem);
    let Ok(serde_json::Value::Object(mut members)) = serde_json::to_value(&problem) else { return answer };
    if let Some(id) = request_id::current() {
        members.insert("request_id".to_owned(), id.into());
    }
    members.insert("applied".to_owned(), serde_json::to_value(interrupted.tally).unwrap_or_default());
    answer.set_body(serde_json::Value::Object(members).to_string()).map_into_boxed_body()
}
