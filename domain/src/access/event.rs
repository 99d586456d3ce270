//! What happened at the door. Each is the only event of its stream.

use crate::access::{AccountHash, LogInFailure, Operation};
use crate::vocabulary::{Role, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    LogInFailed { account_hash: AccountHash, reason: LogInFailure },
    LogInsFailed { account_hash: AccountHash, count: u64, from: Timestamp, until: Timestamp },
    Denied { operation: Operation, role: Option<Role> },
    Denials { operation: Operation, count: u64, from: Timestamp, until: Timestamp },
}
