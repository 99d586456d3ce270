//! Why a command was not carried out, by what the caller can do about it, and the one table from there to an answer.
//! What is only for the log stays in `source`; it never reaches the client.

use domain::decider::{ImpossibleHistory, Reason};
use platform::postgres::passes_by_itself;
use platform::problem::{Code, FieldError, Problem};
use uuid::Uuid;

use crate::appender::AppendError;
use crate::passwords::{BUSY_RETRY_AFTER_SECONDS, HashingError};

/// What a client is told to wait when a queue was full.
const OVERLOADED_RETRY_AFTER_SECONDS: u32 = 1;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request could not be read, or the caller not be recognized.
    #[error("{0}")]
    Request(Problem),
    #[error("fields are wrong")]
    Fields(Vec<FieldError>),
    #[error("the caller has not the right")]
    Forbidden,
    #[error("there is no such stream in the caller's organization")]
    NotFound,
    #[error("the domain refuses: {detail}")]
    Refused { code: &'static str, detail: String },
    #[error("the link was used or has expired")]
    LinkGone,
    #[error("the log in failed")]
    LogInFailed,
    #[error("the caller expected another version than {actual}")]
    PreconditionFailed { actual: i64 },
    #[error("{key} is held by {owner}")]
    Reserved { key: String, owner: Uuid },
    #[error("the stream kept changing for {0} tries")]
    Contended(usize),
    #[error("the store did not append")]
    Append(#[source] AppendError),
    #[error("the store cannot be read")]
    Store(#[from] sqlx::Error),
    #[error("a stream cannot be understood")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("personal data cannot be sealed")]
    Keys(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("a password could not be hashed")]
    Hashing(#[from] HashingError),
    #[error("the event does not fit")]
    TooLarge,
}

impl Error {
    pub fn refused(refusal: &impl Reason) -> Self {
        Self::Refused { code: refusal.code(), detail: refusal.to_string() }
    }

    pub fn field(pointer: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Fields(vec![FieldError { pointer: pointer.to_owned(), code: code.into(), detail: detail.into() }])
    }

    /// Whether another request with the same key may have been answered meanwhile, so that its answer is the right one.
    pub fn depends_on_state(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::PreconditionFailed { .. }
                | Self::Reserved { .. }
                | Self::NotFound
                | Self::LinkGone
                | Self::Contended(_)
                | Self::Append(AppendError::CeilingReached { .. })
        )
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Request(problem)
    }
}

impl From<ImpossibleHistory> for Error {
    fn from(history: ImpossibleHistory) -> Self {
        Self::Damaged(Box::new(history))
    }
}

impl From<AppendError> for Error {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Reserved { key, owner } => Self::Reserved { key, owner: owner.uuid() },
            AppendError::Conflict { .. }
            | AppendError::CeilingReached { .. }
            | AppendError::KeyReused
            | AppendError::Overloaded
            | AppendError::Unavailable
            | AppendError::OutcomeUnknown
            | AppendError::Rejected { .. } => Self::Append(error),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Request(problem) => problem,
            Error::Fields(fields) => Problem::new(Code::ValidationFailed).fields(fields),
            Error::Forbidden => Problem::new(Code::Forbidden),
            Error::NotFound => Problem::new(Code::NotFound),
            Error::Refused { code, detail } => refused(code, detail),
            Error::LinkGone => Problem::new(Code::Gone).detail("The link was used already or has expired."),
            Error::LogInFailed => {
                Problem::new(Code::InvalidCredentials).detail("Organization, user or password is not right.")
            }
            Error::PreconditionFailed { actual } => {
                Problem::new(Code::PreconditionFailed).detail(format!("The current version is {actual}."))
            }
            Error::Reserved { key, owner } => reserved(&key, owner),
            Error::Contended(_) => Problem::new(Code::VersionConflict)
                .detail("Others kept changing it; nothing was done. Read it again and decide again."),
            Error::Append(error) => not_appended(&error),
            Error::Store(ref source) if passes_by_itself(source) => Problem::unavailable(&error),
            Error::Hashing(HashingError::Busy) => Problem::new(Code::Overloaded).retry_after(BUSY_RETRY_AFTER_SECONDS),
            Error::Store(_) | Error::Damaged(_) | Error::Hashing(HashingError::Failed(_)) => Problem::internal(&error),
            Error::Keys(_) => Problem::unavailable(&error),
            Error::TooLarge => Problem::new(Code::ValidationFailed)
                .detail("All fields together take more room than one event has (64 KiB)."),
        }
    }
}

/// A refusal keeps its own code; the row of the table decides status and title. What one field alone is the reason for
/// is told as that field's fault.
fn refused(code: &'static str, detail: String) -> Problem {
    let pointer = match code {
        "observed-in-future" => "/observed_at",
        "seen-in-future" => "/seen_at",
        "acceptance-end-not-in-future" | "acceptance-end-too-far" => "/until",
        "api-key-end-not-in-future" | "api-key-too-long" => "/expires_at",
        "device-limit-too-high" => "/device_limit",
        "empty-partition-range" => "/first",
        _ => return Problem::refused(Code::InvalidTransition, code).detail(sentence(&detail)),
    };
    Problem::new(Code::ValidationFailed).field(pointer, code, detail)
}

/// The owner is named where the caller may see it: an address is taken by a device of the same organization.
fn reserved(key: &str, owner: Uuid) -> Problem {
    match key.split_once(':').map_or(key, |(kind, _)| kind) {
        "slug" => Problem::new(Code::SlugTaken),
        "login" => Problem::new(Code::LoginTaken),
        "address" | "mac" => Problem::new(Code::AddressTaken).detail(format!("Device {owner} has it.")),
        _ => Problem::new(Code::AlreadyExists),
    }
}

fn not_appended(error: &AppendError) -> Problem {
    match error {
        AppendError::Conflict { .. } => Problem::new(Code::VersionConflict),
        AppendError::Reserved { key, owner } => reserved(key, owner.uuid()),
        AppendError::CeilingReached { .. } => {
            Problem::new(Code::DeviceLimitReached).detail("Retire devices, or ask for a larger plan.")
        }
        AppendError::KeyReused => Problem::new(Code::IdempotencyKeyReused),
        AppendError::Overloaded => Problem::new(Code::Overloaded).retry_after(OVERLOADED_RETRY_AFTER_SECONDS),
        AppendError::Unavailable => Problem::unavailable(error),
        AppendError::OutcomeUnknown => Problem::new(Code::OutcomeUnknown).retry_after(OVERLOADED_RETRY_AFTER_SECONDS),
        AppendError::Rejected { .. } => Problem::new(Code::ValidationFailed)
            .detail("The store cannot hold this text, for example because of a NUL character in it."),
    }
}

fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use domain::vocabulary::StreamId;

    use super::*;

    fn answered(error: Error) -> (u16, &'static str) {
        let problem = Problem::from(error);
        (problem.status().as_u16(), problem.code())
    }

    #[test]
    fn each_error_has_its_status_and_code() {
        let owner = Uuid::from_u128(1);
        let reserved = |key: &str| Error::Reserved { key: key.to_owned(), owner };
        let conflict = AppendError::Conflict { stream: StreamId::new(owner), actual: 3 };
        for (error, expected) in [
            (Error::Fields(Vec::new()), (422, "validation-failed")),
            (Error::Forbidden, (403, "forbidden")),
            (Error::NotFound, (404, "not-found")),
            (Error::Refused { code: "own-role", detail: String::new() }, (409, "own-role")),
            (Error::Refused { code: "acceptance-end-too-far", detail: String::new() }, (422, "validation-failed")),
            (Error::LinkGone, (410, "gone")),
            (Error::LogInFailed, (401, "invalid-credentials")),
            (Error::PreconditionFailed { actual: 2 }, (412, "precondition-failed")),
            (reserved("slug:acme"), (409, "slug-taken")),
            (reserved("login:00ff"), (409, "login-taken")),
            (reserved("address:default:10.0.0.7"), (409, "address-taken")),
            (reserved("mac:default:00:00:5e:00:53:01"), (409, "address-taken")),
            (Error::Contended(3), (409, "version-conflict")),
            (conflict.into(), (409, "version-conflict")),
            (AppendError::CeilingReached { tally: "devices".into() }.into(), (409, "device-limit-reached")),
            (AppendError::KeyReused.into(), (422, "idempotency-key-reused")),
            (AppendError::Overloaded.into(), (503, "overloaded")),
            (AppendError::Unavailable.into(), (503, "unavailable")),
            (AppendError::OutcomeUnknown.into(), (503, "outcome-unknown")),
            (AppendError::Rejected { sqlstate: "22021".into() }.into(), (422, "validation-failed")),
            (sqlx::Error::PoolTimedOut.into(), (503, "unavailable")),
            (sqlx::Error::Protocol("cut off".into()).into(), (503, "unavailable")),
            (sqlx::Error::RowNotFound.into(), (500, "internal")),
            (HashingError::Busy.into(), (503, "overloaded")),
            (Error::TooLarge, (422, "validation-failed")),
        ] {
            let told = format!("{error:?}");
            assert_eq!(answered(error), expected, "{told}");
        }
    }

    #[test]
    fn whoever_may_come_again_is_told_when() {
        use actix_web::ResponseError;
        for error in [AppendError::Overloaded, AppendError::Unavailable, AppendError::OutcomeUnknown] {
            let answer = Problem::from(Error::from(error)).error_response();
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(answer.headers().contains_key("retry-after"));
        }
    }

    #[test]
    fn a_refusal_reads_as_a_sentence() {
        assert_eq!(sentence("the device is retired"), "The device is retired.");
    }
}
