//! The words in which an attempt is described.
//!
//! They tell one attempt from another well enough to count it and never well enough to know a person by it.

use std::fmt;

use crate::access::flood::Aggregate;
use crate::access::{Command, NetworkPrefix};
use crate::vocabulary::{Invalid, Sha256, StreamId, TenantId};

pub const OPERATION_MAX_BYTES: usize = 128;

/// Why a log-in failed: for the audit trail, never for whoever tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogInFailure {
    UnknownAccount,
    WrongPassword,
    NotActive,
    OrganizationSuspended,
}

/// A method and a route's template, such as `POST /v1/findings`: never a path as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operation(String);

/// A keyed hash of the login name as typed: it may have been a password or a stranger's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountHash(Sha256);

/// Whose failed log-ins the flood rule counts together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogInSource {
    pub tenant: TenantId,
    pub account_hash: AccountHash,
    pub network: NetworkPrefix,
}

/// Whose denials the flood rule counts together, operation by operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DenialSource {
    pub tenant: TenantId,
    /// The user or key that lacked the right; absent for a caller without a name.
    pub actor: Option<StreamId>,
    pub operation: Operation,
    pub network: NetworkPrefix,
}

impl LogInFailure {
    pub const ALL: &'static [Self] =
        &[Self::UnknownAccount, Self::WrongPassword, Self::NotActive, Self::OrganizationSuspended];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownAccount => "unknown-account",
            Self::WrongPassword => "wrong-password",
            Self::NotActive => "not-active",
            Self::OrganizationSuspended => "organization-suspended",
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let known = Self::ALL.iter().copied().find(|reason| reason.as_str() == raw);
        known.ok_or_else(|| Invalid::new("unknown-log-in-failure", "is no reason for which a log-in fails"))
    }
}

impl AccountHash {
    /// Stands in the catch-all aggregate, which belongs to no account in particular.
    pub const VARIOUS: Self = Self::new([0; 32]);

    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(Sha256::new(bytes))
    }

    /// Reads the hexadecimal form that `Display` writes.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        Sha256::parse(raw).map(Self)
    }
}

impl fmt::Display for AccountHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Operation {
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let printable = raw.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if !raw.is_empty() && raw.len() <= OPERATION_MAX_BYTES && printable {
            return Ok(Self(raw.to_owned()));
        }
        let detail =
            format!("must be a method and a route of at most {OPERATION_MAX_BYTES} printable ASCII characters");
        Err(Invalid::new("malformed-operation", detail))
    }

    /// Stands in the catch-all aggregate, which belongs to no operation in particular.
    pub fn various() -> Self {
        Self("*".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Aggregate<LogInSource> {
    /// Whose log the aggregate goes into, and as what. The deployment keeps the catch-all, which is of several tenants.
    pub fn into_command(self) -> (TenantId, Command) {
        let (tenant, account_hash) = match self.key {
            Some(source) => (source.tenant, source.account_hash),
            None => (TenantId::DEPLOYMENT, AccountHash::VARIOUS),
        };
        (tenant, Command::RecordFailedLogIns { account_hash, tally: self.tally })
    }
}

impl Aggregate<DenialSource> {
    /// Whose log the aggregate goes into, and as what. The deployment keeps the catch-all, which is of several tenants.
    pub fn into_command(self) -> (TenantId, Command) {
        let (tenant, operation) = match self.key {
            Some(source) => (source.tenant, source.operation),
            None => (TenantId::DEPLOYMENT, Operation::various()),
        };
        (tenant, Command::RecordDenials { operation, tally: self.tally })
    }
}
