//! The one shape of an error answer: RFC 9457, `application/problem+json`.
//!
//! It says what the client can act on and never what went wrong inside: causes go to the log.

mod code;
pub mod extract;
pub mod routes;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

pub use code::Code;
pub use routes::{Routes, method_not_allowed, not_found_handler, unknown_route};

pub const CONTENT_TYPE: &str = "application/problem+json";
/// Enough to mend a form, too little to be used as an amplifier.
const FIELD_ERRORS_MAX: usize = 100;
const DETAIL_MAX_BYTES: usize = 500;

/// What an API answers instead of what was asked.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// A URN that names the kind of problem, for ever the same.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "urn:securenet:problem:not-found")]
    kind: Box<str>,
    #[schema(value_type = String, example = "There is no such thing here")]
    title: &'static str,
    #[schema(example = 404)]
    status: u16,
    /// The stable word to match on.
    #[schema(value_type = String, example = "not-found")]
    code: &'static str,
    /// What is particular to this occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    detail: Option<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    request_id: Option<Box<str>>,
    #[serde(skip)]
    extra: Box<Extra>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// A JSON pointer (RFC 6901) into the body; the empty string is the body itself.
    #[schema(example = "/title")]
    pub pointer: String,
    #[schema(value_type = String, example = "too-long")]
    pub code: Cow<'static, str>,
    pub detail: String,
}

/// What the answer carries beside its body.
#[derive(Debug, Clone, Default)]
struct Extra {
    retry_after_seconds: Option<u32>,
    allow: Option<String>,
    challenge: Option<&'static str>,
}

impl Problem {
    pub fn new(code: Code) -> Self {
        Self {
            kind: urn(code.as_str()),
            title: code.title(),
            status: code.status().as_u16(),
            code: code.as_str(),
            detail: None,
            errors: Vec::new(),
            request_id: None,
            extra: Box::new(Extra {
                challenge: (code.status() == StatusCode::UNAUTHORIZED).then_some("Bearer"),
                ..Extra::default()
            }),
        }
    }

    /// A refusal with a code of its own, in the status and under the title of a row of the table.
    pub fn refused(row: Code, code: &'static str) -> Self {
        Self { kind: urn(code), code, ..Self::new(row) }
    }

    /// Logs the cause, which the client never reads, and answers 500.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(error = %chain(cause), "a request failed inside");
        Self::new(Code::Internal)
    }

    /// Logs the cause and answers 503 with the advice to come again.
    pub fn unavailable(cause: &dyn std::error::Error) -> Self {
        tracing::warn!(error = %chain(cause), "something a request needs cannot be reached");
        Self::new(Code::Unavailable).retry_after(1)
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(bounded(detail.into()).into());
        self
    }

    #[must_use]
    pub fn field(
        self,
        pointer: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        self.fields([FieldError { pointer: pointer.into(), code: code.into(), detail: detail.into() }])
    }

    #[must_use]
    pub fn fields(mut self, errors: impl IntoIterator<Item = FieldError>) -> Self {
        let room = FIELD_ERRORS_MAX.saturating_sub(self.errors.len());
        self.errors.extend(errors.into_iter().take(room));
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.extra.retry_after_seconds = Some(seconds);
        self
    }

    /// The methods a resource has, for the `Allow` that a 405 owes.
    #[must_use]
    pub fn allow(mut self, methods: impl Into<String>) -> Self {
        self.extra.allow = Some(methods.into());
        self
    }

    /// What `WWW-Authenticate` says of a 401.
    #[must_use]
    pub fn challenge(mut self, challenge: &'static str) -> Self {
        self.extra.challenge = Some(challenge);
        self
    }

    pub fn code(&self) -> &'static str {
        self.code
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.code)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status());
        answer.insert_header((header::CONTENT_TYPE, CONTENT_TYPE));
        if let Some(seconds) = self.extra.retry_after_seconds {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(allow) = self.extra.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            answer.insert_header((header::ALLOW, allow));
        }
        if let Some(challenge) = self.extra.challenge {
            answer.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        let mut written = self.clone();
        if written.request_id.is_none() {
            written.request_id = crate::request_id::current().map(String::into_boxed_str);
        }
        // Strings and integers alone: there is nothing in it that could fail to serialize.
        answer.body(serde_json::to_vec(&written).unwrap_or_default())
    }
}

/// For handlers that have nothing but a problem to answer.
impl Responder for Problem {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.error_response()
    }
}

/// An error and its causes on one line, as the log wants it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn urn(code: &str) -> Box<str> {
    format!("urn:securenet:problem:{code}").into()
}

/// A detail may quote what the client sent, and the client may have sent ten megabytes.
pub(crate) fn bounded(text: Cow<'static, str>) -> Cow<'static, str> {
    if text.len() <= DETAIL_MAX_BYTES {
        return text;
    }
    let end = text.floor_char_boundary(DETAIL_MAX_BYTES);
    Cow::Owned(format!("{}…", &text[..end]))
}
