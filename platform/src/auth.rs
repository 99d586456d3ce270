//! Who is calling: a person with an access token, a scanner with its key, or the operator with theirs.
//!
//! Knowing the caller is not letting them in: what each may do is decided by the routes. Where the store cannot be
//! asked the answer is [`AuthError::Unavailable`], never a caller.

mod access;
pub mod api_key;
mod authenticator;
mod caller;
mod operator;
mod service;
#[cfg(test)]
mod tests;
pub mod token;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::problem::{Code, Problem};

pub use authenticator::{ACCESS_CACHE_MS, Authenticator};
pub use caller::{Caller, bearer};
pub use operator::{OPERATOR_TOKEN_MIN_BYTES, OperatorToken, OperatorTokenTooShort};
pub use service::{Service, ServiceToken};

/// What a person is within their organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Administrator,
    Analyst,
    Auditor,
    Viewer,
}

/// A caller that was recognized. It is written only between our own processes ([`crate::denials`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Principal {
    User { tenant: Uuid, user: Uuid, session: Uuid, role: Role },
    Scanner { tenant: Uuid, key: Uuid },
    Operator,
}

/// Why a caller was not recognized.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("the request carries no bearer token")]
    Missing,
    #[error("the bearer token is not valid")]
    Invalid,
    #[error("the session or key has ended")]
    Ended,
    #[error("whether the bearer token still holds could not be asked")]
    Unavailable(#[source] std::sync::Arc<sqlx::Error>),
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Administrator, Self::Analyst, Self::Auditor, Self::Viewer];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Analyst => "analyst",
            Self::Auditor => "auditor",
            Self::Viewer => "viewer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no role")]
pub struct NotARole;

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, NotARole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(NotARole)
    }
}

impl Principal {
    /// The organization the caller belongs to; an operator belongs to none.
    pub const fn tenant(&self) -> Option<Uuid> {
        match self {
            Self::User { tenant, .. } | Self::Scanner { tenant, .. } => Some(*tenant),
            Self::Operator => None,
        }
    }

    pub const fn role(&self) -> Option<Role> {
        match self {
            Self::User { role, .. } => Some(*role),
            Self::Scanner { .. } | Self::Operator => None,
        }
    }

    /// How the log names the caller: `user:<uuid>`, `key:<uuid>` or `operator`.
    pub fn actor(&self) -> String {
        match self {
            Self::User { user, .. } => format!("user:{user}"),
            Self::Scanner { key, .. } => format!("key:{key}"),
            Self::Operator => "operator".to_owned(),
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match &error {
            AuthError::Missing => Self::new(Code::AuthenticationRequired),
            // One answer for both: which of the two it was helps only who guesses.
            AuthError::Invalid | AuthError::Ended => {
                Self::new(Code::AuthenticationRequired).challenge("Bearer error=\"invalid_token\"")
            }
            AuthError::Unavailable(_) => Self::unavailable(&error),
        }
    }
}
