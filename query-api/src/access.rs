//! Who may ask for what: a right is a handler's parameter, so that a handler without one cannot be written by
//! oversight.
//!
//! | route | who |
//! |---|---|
//! | `/me` | anybody who is recognized |
//! | organization, devices, findings, summary | every role of the organization |
//! | users, keys, audit trail | administrators and auditors |
//! | scans | every role, and a scanner for what it sent |
//! | organizations, projections and their operations | the operator |
//!
//! Every refusal is reported, because refused rights are part of the audit trail; who writes it down is not known
//! here.

use std::{future::Future, pin::Pin, sync::Arc};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use platform::{
    auth::{Caller, Principal, Role},
    problem::{Code, Problem},
    request_id::RequestContext,
};
use uuid::Uuid;

use crate::server::State;

/// A request that was refused for lack of a right.
#[derive(Debug, Clone)]
pub struct Denial {
    pub principal: Principal,
    /// What was refused, such as `GET /v1/findings/{id}`.
    pub operation: String,
    pub context: RequestContext,
}

/// Takes denials to the log. It must not block: it is called while the caller waits for its 403.
pub type DenialSink = Arc<dyn Fn(Denial) + Send + Sync>;

/// Anybody who is recognized.
#[derive(Debug)]
pub struct Anyone(pub Principal);

/// Somebody of the organization, whatever the role.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    pub tenant: Uuid,
    pub role: Role,
}

/// An administrator or an auditor.
#[derive(Debug)]
pub struct Overseer {
    pub tenant: Uuid,
    pub role: Role,
}

/// Somebody of the organization, or a scanner that may see what it sent.
#[derive(Debug)]
pub enum ScanReader {
    Member(Member),
    Scanner { tenant: Uuid, key: Uuid },
}

/// Whoever runs the deployment.
#[derive(Debug)]
pub struct Operator;

impl Member {
    /// What the caller may see, for the tag of an answer.
    pub fn rights(&self) -> String {
        format!("user:{}", self.role)
    }
}

impl Overseer {
    pub fn rights(&self) -> String {
        format!("user:{}", self.role)
    }
}

impl Operator {
    pub const RIGHTS: &'static str = "operator";
}

impl ScanReader {
    pub fn rights(&self) -> String {
        match self {
            Self::Member(member) => member.rights(),
            Self::Scanner { key, .. } => format!("key:{key}"),
        }
    }

    pub const fn tenant(&self) -> Uuid {
        match self {
            Self::Member(member) => member.tenant,
            Self::Scanner { tenant, .. } => *tenant,
        }
    }
}

/// A right, made of a principal who has it.
trait Right: Sized + 'static {
    fn of(principal: Principal) -> Option<Self>;
}

impl Right for Anyone {
    fn of(principal: Principal) -> Option<Self> {
        Some(Self(principal))
    }
}

impl Right for Member {
    fn of(principal: Principal) -> Option<Self> {
        match principal {
            Principal::User { tenant, role, .. } => Some(Self { tenant, role }),
            Principal::Scanner { .. } | Principal::Operator => None,
        }
    }
}

impl Right for Overseer {
    fn of(principal: Principal) -> Option<Self> {
        let member = Member::of(principal)?;
        match member.role {
            Role::Administrator | Role::Auditor => Some(Self { tenant: member.tenant, role: member.role }),
            Role::Analyst | Role::Viewer => None,
        }
    }
}

impl Right for ScanReader {
    fn of(principal: Principal) -> Option<Self> {
        match principal {
            Principal::User { .. } => Member::of(principal).map(Self::Member),
            Principal::Scanner { tenant, key } => Some(Self::Scanner { tenant, key }),
            Principal::Operator => None,
        }
    }
}

impl Right for Operator {
    fn of(principal: Principal) -> Option<Self> {
        match principal {
            Principal::Operator => Some(Self),
            Principal::User { .. } | Principal::Scanner { .. } => None,
        }
    }
}

/// The future of an extractor.
type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

fn admit<R: Right>(request: &HttpRequest) -> Extracting<R> {
    let request = request.clone();
    Box::pin(async move {
        let Caller(principal) = Caller::extract(&request).await?;
        match R::of(principal) {
            Some(right) => Ok(right),
            None => {
                report(&request, principal).await;
                Err(Problem::new(Code::Forbidden).detail("The caller's role does not include this."))
            }
        }
    })
}

async fn report(request: &HttpRequest, principal: Principal) {
    let Some(state) = request.app_data::<Data<State>>() else { return };
    state.metrics.denials.inc();
    let Some(sink) = &state.denials else { return };
    let path = request.match_pattern().unwrap_or_else(|| request.path().to_owned());
    // HEAD asks for what GET does.
    let operation = format!("GET {path}");
    match RequestContext::extract(request).await {
        Ok(context) => sink(Denial { principal, operation, context }),
        Err(error) => tracing::error!(%error, "a denial has no request context and cannot be recorded"),
    }
}

/// Makes rights extractors; the trait cannot do it for all of them at once, because `FromRequest` is not ours.
macro_rules! extract_right {
    ($($right:ident)+) => {$(
        impl FromRequest for $right {
            type Error = Problem;
            type Future = Extracting<Self>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                admit(request)
            }
        }
    )+};
}

extract_right!(Anyone Member Overseer ScanReader Operator);
