//! The written events of what was refused at the door.

pub mod v1;

use domain::access::{AccountHash, Event, LogInFailure, Operation};
use domain::vocabulary::{Role, Timestamp};

use crate::codec::{EncodeError, Recorded, SealContext};
use crate::family::written_events;
use crate::parse::{Broken, optional, text};

written_events! {
    Access in crate::Written = crate::Written::Access {
        "access.log-in-failed" => LogInFailed(v1::LogInFailed) 1;
        "access.log-ins-failed" => LogInsFailed(v1::LogInsFailed) 1;
        "access.denied" => Denied(v1::Denied) 1;
        "access.denials" => Denials(v1::Denials) 1;
    }
}

impl Recorded for Event {
    fn write(&self, _: &SealContext<'_>) -> Result<crate::Written, EncodeError> {
        Ok(crate::Written::Access(match self {
            Self::LogInFailed { account_hash, reason } => Written::LogInFailed(v1::LogInFailed {
                account_hash: account_hash.to_string(),
                reason: reason.as_str().to_owned(),
            }),
            Self::LogInsFailed { account_hash, count, from, until } => Written::LogInsFailed(v1::LogInsFailed {
                account_hash: account_hash.to_string(),
                count: *count,
                from: from.micros(),
                until: until.micros(),
            }),
            Self::Denied { operation, role } => Written::Denied(v1::Denied {
                operation: operation.to_string(),
                role: role.map(|role| role.to_string()),
            }),
            Self::Denials { operation, count, from, until } => Written::Denials(v1::Denials {
                operation: operation.to_string(),
                count: *count,
                from: from.micros(),
                until: until.micros(),
            }),
        }))
    }

    fn read(written: crate::Written) -> Result<Self, Broken> {
        let crate::Written::Access(written) = written else {
            return Err(Broken::of_another_kind("the door", written.type_name()));
        };
        Ok(match written {
            Written::LogInFailed(event) => Self::LogInFailed {
                account_hash: text("/account_hash", &event.account_hash, AccountHash::parse)?,
                reason: text("/reason", &event.reason, LogInFailure::parse)?,
            },
            Written::LogInsFailed(event) => Self::LogInsFailed {
                account_hash: text("/account_hash", &event.account_hash, AccountHash::parse)?,
                count: event.count,
                from: Timestamp::from_micros(event.from),
                until: Timestamp::from_micros(event.until),
            },
            Written::Denied(event) => Self::Denied {
                operation: text("/operation", &event.operation, Operation::parse)?,
                role: optional("/role", event.role.as_ref(), Role::parse)?,
            },
            Written::Denials(event) => Self::Denials {
                operation: text("/operation", &event.operation, Operation::parse)?,
                count: event.count,
                from: Timestamp::from_micros(event.from),
                until: Timestamp::from_micros(event.until),
            },
        })
    }
}
