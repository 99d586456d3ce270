//! Refusals on their way from a process that may not write to the one that may: the body of an internal request.
//!
//! It is spoken between processes of one deployment and of nearly the same version, never with a client; whoever takes
//! it in has seen the service token. What becomes of a refusal is not decided here.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::auth::Principal;
use crate::request_id::RequestContext;
use crate::trace::TraceContext;

/// Where command-api takes them. Not under `/v1`, and no proxy hands it on.
pub const PATH: &str = "/internal/denials";
/// In one request.
pub const BATCH_MAX: usize = 128;
/// A refusal is at most about 800 bytes.
pub const BODY_MAX_BYTES: usize = 256 * 1024;

/// Oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    pub denials: Vec<Report>,
}

/// Somebody known was refused what they may not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    pub principal: Principal,
    /// A method and a route's pattern.
    pub operation: String,
    request_id: String,
    traceparent: String,
    ip: Option<IpAddr>,
    user_agent: Option<String>,
}

impl Report {
    pub fn new(principal: Principal, operation: String, context: RequestContext) -> Self {
        Self {
            principal,
            operation,
            request_id: context.request_id,
            traceparent: context.traceparent.to_string(),
            ip: context.ip,
            user_agent: context.user_agent,
        }
    }

    /// What is known of the refused request. A trace that cannot be read is begun anew: the refusal counts.
    pub fn context(&self) -> RequestContext {
        RequestContext {
            request_id: self.request_id.clone(),
            traceparent: self.traceparent.parse().unwrap_or_else(|_| TraceContext::start()),
            ip: self.ip,
            user_agent: self.user_agent.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::auth::Role;

    #[test]
    fn what_is_reported_arrives_as_it_was() {
        let (tenant, user, session) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let principals = [
            Principal::User { tenant, user, session, role: Role::Viewer },
            Principal::Scanner { tenant, key: user },
            Principal::Operator,
        ];
        for principal in principals {
            let context = RequestContext {
                request_id: "a-1".to_owned(),
                traceparent: TraceContext::start(),
                ip: Some(IpAddr::from([10, 0, 0, 1])),
                user_agent: None,
            };
            let sent = Batch { denials: vec![Report::new(principal, "GET /v1/users".to_owned(), context.clone())] };
            let text = serde_json::to_string(&sent).unwrap();
            let arrived: Batch = serde_json::from_str(&text).unwrap();
            assert_eq!(arrived, sent);
            assert_eq!(arrived.denials[0].context(), context);
        }
    }
}
