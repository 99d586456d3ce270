//! What can go wrong with a request, told to two readers: the client gets a problem, the log gets the cause.
//!
//! Texts of the database or of a library never reach a client.

use std::{fmt, sync::Arc};

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use platform::{
    keyring::KeyringError,
    postgres::passes_by_itself,
    problem::{Code, Problem},
};

/// Why a request has no answer.
#[derive(Debug)]
pub enum Failure {
    /// The client may know all of it.
    Problem(Problem),
    /// Another request worked the same thing out, and failed.
    Shared(Arc<Failure>),
    /// Postgres did not answer, or not in time.
    Database(sqlx::Error),
    /// A read model holds what cannot be read.
    Corrupt(serde_json::Error),
    /// Personal data cannot be opened.
    Keys(KeyringError),
}

/// What every handler returns.
pub type Answer = Result<HttpResponse, Failure>;

impl Failure {
    pub fn not_found() -> Self {
        Self::Problem(Problem::new(Code::NotFound).detail("There is no such resource."))
    }

    /// The answer; what the client may not know goes to the log here and nowhere else.
    fn problem(&self) -> Problem {
        match self {
            Self::Problem(problem) => problem.clone(),
            Self::Shared(failure) => failure.problem(),
            Self::Database(error) if passes_by_itself(error) => Problem::unavailable(error),
            Self::Database(error) => Problem::internal(error),
            Self::Corrupt(error) => Problem::internal(error),
            Self::Keys(error) if keys_are_away(error) => Problem::unavailable(error),
            Self::Keys(error) => Problem::internal(error),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Problem(problem) => problem.status(),
            Self::Shared(failure) => failure.status(),
            Self::Database(error) if passes_by_itself(error) => Code::Unavailable.status(),
            Self::Keys(error) if keys_are_away(error) => Code::Unavailable.status(),
            Self::Database(_) | Self::Corrupt(_) | Self::Keys(_) => Code::Internal.status(),
        }
    }
}

const fn keys_are_away(error: &KeyringError) -> bool {
    match error {
        KeyringError::Unavailable(_) => true,
        KeyringError::Destroyed(_)
        | KeyringError::Unknown(_)
        | KeyringError::CannotUnwrap(_)
        | KeyringError::Tampered
        | KeyringError::NoRandomness => false,
    }
}

impl From<KeyringError> for Failure {
    fn from(error: KeyringError) -> Self {
        Self::Keys(error)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request could not be answered")
    }
}

impl std::error::Error for Failure {}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.problem().error_response()
    }
}
