//! A call as a handler gets it: the caller is known and has the right before the body is read. The right is a part of
//! the handler's signature, so it cannot be forgotten; a refused one is written into the audit trail.

mod headers;

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use bytes::Bytes;
use domain::decider::Decider;
use domain::vocabulary::{StreamId, TenantId};
use platform::auth::{Caller, Principal, Role};
use platform::json::{JSON_MAX_BYTES, Json};
use platform::problem::{Code, Problem};
use platform::request_id::RequestContext;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::Error;
use crate::handle::{Order, Start};
use crate::idempotency::Idempotency;
use crate::origin::Origin;
use crate::scans::drain;
use crate::server::Services;

pub use headers::{Expectations, IfMatch};

/// Who may call an operation, and in whose organization it then acts.
pub trait Right: 'static {
    type Scope: Copy;
    fn grant(principal: &Principal) -> Option<Self::Scope>;
}

/// The operator of the deployment, nobody else.
pub struct Operators;
pub struct Administrators;
/// Administrators and analysts.
pub struct Analysts;
/// Administrators, analysts and scanners.
pub struct Reporters;
/// Every person with a session.
pub struct SignedIn;

/// One call by somebody with the right `R`. The body waits until it is asked for.
pub struct Call<R: Right> {
    pub scope: R::Scope,
    pub principal: Principal,
    pub origin: Origin,
    pub expectations: Expectations,
    request: HttpRequest,
    payload: Payload,
    body: Bytes,
    right: PhantomData<R>,
}

impl Right for Operators {
    type Scope = ();
    fn grant(principal: &Principal) -> Option<()> {
        matches!(principal, Principal::Operator).then_some(())
    }
}

impl Right for Administrators {
    type Scope = TenantId;
    fn grant(principal: &Principal) -> Option<TenantId> {
        member(principal, |role| matches!(role, Role::Administrator))
    }
}

impl Right for Analysts {
    type Scope = TenantId;
    fn grant(principal: &Principal) -> Option<TenantId> {
        member(principal, |role| matches!(role, Role::Administrator | Role::Analyst))
    }
}

impl Right for Reporters {
    type Scope = TenantId;
    fn grant(principal: &Principal) -> Option<TenantId> {
        match principal {
            Principal::Scanner { tenant, .. } => Some(TenantId::new(*tenant)),
            Principal::User { .. } | Principal::Operator => Analysts::grant(principal),
        }
    }
}

impl Right for SignedIn {
    type Scope = TenantId;
    fn grant(principal: &Principal) -> Option<TenantId> {
        member(principal, |_| true)
    }
}

fn member(principal: &Principal, allowed: impl Fn(Role) -> bool) -> Option<TenantId> {
    match principal {
        Principal::User { tenant, role, .. } if allowed(*role) => Some(TenantId::new(*tenant)),
        Principal::User { .. } | Principal::Scanner { .. } | Principal::Operator => None,
    }
}

impl<R: Right<Scope = TenantId>> Call<R> {
    pub fn tenant(&self) -> TenantId {
        self.scope
    }
}

impl<R: Right> Call<R> {
    /// The resource the path names. What is no id names nothing.
    pub fn id(&self) -> Result<Uuid, Error> {
        self.request.match_info().get("id").and_then(|text| text.parse().ok()).ok_or(Error::NotFound)
    }

    /// The body as JSON.
    pub async fn json<T: DeserializeOwned + 'static>(&mut self) -> Result<T, Error> {
        self.body = collect(&mut self.payload).await?;
        let Json(body) = Json::<T>::from_request(&self.request, &mut Payload::from(self.body.clone())).await?;
        Ok(body)
    }

    /// The same where the body may be left out altogether.
    pub async fn optional_json<T: DeserializeOwned + Default + 'static>(&mut self) -> Result<T, Error> {
        self.body = collect(&mut self.payload).await?;
        if self.body.is_empty() {
            return Ok(T::default());
        }
        // `null` says what an empty object says, and an object is what `Json` reads.
        let given = if self.body.trim_ascii() == b"null" { Bytes::from_static(b"{}") } else { self.body.clone() };
        let Json(body) = Json::<T>::from_request(&self.request, &mut Payload::from(given)).await?;
        Ok(body)
    }

    /// What makes a repetition of this call recognizable, if the client asked for it. After the body was read.
    pub fn idempotency(&self, services: &Services, tenant: TenantId) -> Option<Idempotency> {
        self.idempotency_of(services, tenant, &self.body)
    }

    /// The same for a body that was streamed, by its hash.
    pub fn idempotency_of(&self, services: &Services, tenant: TenantId, body: &[u8]) -> Option<Idempotency> {
        let key = self.expectations.idempotency_key.as_deref()?;
        let route = (self.request.method().as_str(), self.request.path());
        let expectations = (key, self.expectations.if_match);
        Some(services.fingerprints.of(tenant, &self.principal.actor(), route, expectations, body))
    }

    /// For what creates something: nothing is there yet that `If-Match` could match.
    pub fn expect_nothing(&self) -> Result<(), Problem> {
        match self.expectations.if_match {
            None => Ok(()),
            Some(IfMatch::Any | IfMatch::Version(_)) => Err(Problem::new(Code::PreconditionFailed)
                .detail("If-Match names a version, and what is created here has none before.")),
        }
    }

    /// A command of this caller for a stream that exists.
    pub fn order<D: Decider>(
        &self,
        services: &Services,
        tenant: TenantId,
        stream: StreamId,
        command: D::Command,
    ) -> Order<'_, D> {
        Order {
            tenant,
            stream,
            command,
            start: Start::Known,
            version: self.expectations.version(),
            key: self.idempotency(services, tenant),
            extra: None,
            origin: &self.origin,
        }
    }

    /// Answers who lost the right after the call began, and writes it into the audit trail as at the door.
    pub async fn refuse_late(&self, error: Error) -> Error {
        if matches!(error, Error::Forbidden) {
            refuse(&self.request, &self.principal, self.origin.clone());
        }
        error
    }

    pub fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// For those who stream the body themselves.
    pub fn take_payload(&mut self) -> Payload {
        Payload::take(&mut self.payload)
    }
}

impl<R: Right> FromRequest for Call<R> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let caller = Caller::extract(&request).await?;
            let context = RequestContext::extract(&request).await?;
            let principal = caller.0;
            let origin = Origin::of_principal(&principal, &context);
            let Some(scope) = R::grant(&principal) else {
                refuse(&request, &principal, origin);
                return Err(Error::Forbidden.into());
            };
            let expectations = Expectations::read(request.headers())?;
            let (body, right) = (Bytes::new(), PhantomData);
            Ok(Self { scope, principal, origin, expectations, request, payload, body, right })
        })
    }
}

fn refuse(request: &HttpRequest, principal: &Principal, origin: Origin) {
    let Some(services) = request.app_data::<Data<Services>>() else { return };
    let pattern = request.match_pattern().unwrap_or_else(|| "unknown".to_owned());
    services.denials.note_denial(principal, &format!("{} {pattern}", request.method()), origin);
}

/// What is too large is read to its end all the same, so that the client reads the answer.
async fn collect(payload: &mut Payload) -> Result<Bytes, Problem> {
    let collected = platform::json::collect(payload, JSON_MAX_BYTES).await;
    if collected.as_ref().is_err_and(|problem| problem.status() == 413) {
        drain(payload, JSON_MAX_BYTES as u64).await;
    }
    collected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(role: Role) -> Principal {
        Principal::User { tenant: Uuid::from_u128(1), user: Uuid::from_u128(2), session: Uuid::from_u128(3), role }
    }

    #[test]
    fn rights_are_those_of_the_table() {
        let scanner = Principal::Scanner { tenant: Uuid::from_u128(1), key: Uuid::from_u128(4) };
        let everybody = Role::ALL.map(user).into_iter().chain([scanner, Principal::Operator]);
        let granted = |grant: fn(&Principal) -> bool| everybody.clone().map(|who| grant(&who)).collect::<Vec<_>>();
        // administrator, analyst, auditor, viewer, scanner, operator
        let (yes, no) = (true, false);
        assert_eq!(granted(|who| Operators::grant(who).is_some()), [no, no, no, no, no, yes]);
        assert_eq!(granted(|who| Administrators::grant(who).is_some()), [yes, no, no, no, no, no]);
        assert_eq!(granted(|who| Analysts::grant(who).is_some()), [yes, yes, no, no, no, no]);
        assert_eq!(granted(|who| Reporters::grant(who).is_some()), [yes, yes, no, no, yes, no]);
        assert_eq!(granted(|who| SignedIn::grant(who).is_some()), [yes, yes, yes, yes, no, no]);
    }
}
