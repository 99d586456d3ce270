//! The one table from a stable code to its status and title, for both APIs.
//!
//! Clients match codes, so a row is never renamed; titles may improve.

use actix_web::http::StatusCode;

/// Why a request was not answered as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    MalformedJson,
    MalformedRequest,
    MalformedToken,
    WrongPartition,
    AuthenticationRequired,
    InvalidCredentials,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    AlreadyExists,
    VersionConflict,
    AddressTaken,
    DeviceLimitReached,
    SlugTaken,
    LoginTaken,
    InvalidTransition,
    Gone,
    PositionGone,
    PreconditionFailed,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
    IdempotencyKeyReused,
    PositionNotReached,
    RateLimited,
    Internal,
    Unavailable,
    Overloaded,
    OutcomeUnknown,
    ProjectionPaused,
    ProjectionParked,
}

impl Code {
    /// Every code, for documents and for tests that walk the table.
    pub const ALL: [Self; 32] = [
        Self::MalformedJson,
        Self::MalformedRequest,
        Self::MalformedToken,
        Self::WrongPartition,
        Self::AuthenticationRequired,
        Self::InvalidCredentials,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::AlreadyExists,
        Self::VersionConflict,
        Self::AddressTaken,
        Self::DeviceLimitReached,
        Self::SlugTaken,
        Self::LoginTaken,
        Self::InvalidTransition,
        Self::Gone,
        Self::PositionGone,
        Self::PreconditionFailed,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::ValidationFailed,
        Self::IdempotencyKeyReused,
        Self::PositionNotReached,
        Self::RateLimited,
        Self::Internal,
        Self::Unavailable,
        Self::Overloaded,
        Self::OutcomeUnknown,
        Self::ProjectionPaused,
        Self::ProjectionParked,
    ];

    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// Every row holds a valid status, which a test walks the table for.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().1).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub const fn title(self) -> &'static str {
        self.row().2
    }

    #[rustfmt::skip] // a table reads as one only while its rows are lines
    const fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::MalformedJson => ("malformed-json", 400, "The body is not JSON"),
            Self::MalformedRequest => ("malformed-request", 400, "The request cannot be read"),
            Self::MalformedToken => ("malformed-token", 400, "The consistency token cannot be read"),
            Self::WrongPartition => ("wrong-partition", 400, "The consistency token belongs to another organization"),
            Self::AuthenticationRequired => ("authentication-required", 401, "Who is calling is not known"),
            Self::InvalidCredentials => ("invalid-credentials", 401, "The credentials are not valid"),
            Self::Forbidden => ("forbidden", 403, "The caller may not do this"),
            Self::NotFound => ("not-found", 404, "There is no such thing here"),
            Self::MethodNotAllowed => ("method-not-allowed", 405, "The method does not exist on this resource"),
            Self::NotAcceptable => ("not-acceptable", 406, "No representation the client accepts exists"),
            Self::AlreadyExists => ("already-exists", 409, "It exists already"),
            Self::VersionConflict => ("version-conflict", 409, "It changed meanwhile"),
            Self::AddressTaken => ("address-taken", 409, "Another device holds this address"),
            Self::DeviceLimitReached => ("device-limit-reached", 409, "The plan holds no more devices"),
            Self::SlugTaken => ("slug-taken", 409, "Another organization holds this slug"),
            Self::LoginTaken => ("login-taken", 409, "Another user holds this login name"),
            Self::InvalidTransition => ("invalid-transition", 409, "Its state does not allow this"),
            Self::Gone => ("gone", 410, "It is over and will not come back"),
            Self::PositionGone => ("position-gone", 410, "The consistency token lies in a history that was rolled back"),
            Self::PreconditionFailed => ("precondition-failed", 412, "It has another version than the request expects"),
            Self::PayloadTooLarge => ("payload-too-large", 413, "The body is too large"),
            Self::UnsupportedMediaType => ("unsupported-media-type", 415, "The body has a media type this resource does not take"),
            Self::ValidationFailed => ("validation-failed", 422, "Some fields are not valid"),
            Self::IdempotencyKeyReused => ("idempotency-key-reused", 422, "The idempotency key was used for another request"),
            Self::PositionNotReached => ("position-not-reached", 425, "The read model has not reached the asked position yet"),
            Self::RateLimited => ("rate-limited", 429, "There were too many requests"),
            Self::Internal => ("internal", 500, "The server failed"),
            Self::Unavailable => ("unavailable", 503, "Something this needs cannot be reached"),
            Self::Overloaded => ("overloaded", 503, "The server has more work than it can queue"),
            Self::OutcomeUnknown => ("outcome-unknown", 503, "Whether the command was accepted could not be found out"),
            Self::ProjectionPaused => ("projection-paused", 503, "The read model is paused"),
            Self::ProjectionParked => ("projection-parked", 503, "The read model of this resource waits for a repair"),
        }
    }
}
