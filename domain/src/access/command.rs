//! What the door wants written down. The caller has asked `flood` before.

use crate::access::flood::Tally;
use crate::access::{AccountHash, LogInFailure, Operation};
use crate::vocabulary::Role;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    RecordFailedLogIn {
        account_hash: AccountHash,
        reason: LogInFailure,
    },
    RecordFailedLogIns {
        account_hash: AccountHash,
        tally: Tally,
    },
    /// The role is that of the user who was denied; a scanner key has none.
    RecordDenial {
        operation: Operation,
        role: Option<Role>,
    },
    RecordDenials {
        operation: Operation,
        tally: Tally,
    },
}
