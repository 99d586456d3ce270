//! The processes of a deployment among themselves: one shared secret, compared in constant time. It opens the internal
//! routes and nothing of the API.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use super::{AuthError, OperatorToken, OperatorTokenTooShort, bearer};
use crate::env::Secret;
use crate::problem::{Code, Problem};

/// What a process shows to another one. As long as an operator's, and never the same.
#[derive(Clone)]
pub struct ServiceToken(OperatorToken);

impl ServiceToken {
    pub fn new(secret: &Secret) -> Result<Self, OperatorTokenTooShort> {
        OperatorToken::new(secret).map(Self)
    }

    pub fn matches(&self, presented: &str) -> bool {
        self.0.matches(presented)
    }
}

/// One of our own processes, recognized by the app's `web::Data<ServiceToken>`.
#[derive(Debug, Clone, Copy)]
pub struct Service;

impl FromRequest for Service {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(recognize(request))
    }
}

fn recognize(request: &HttpRequest) -> Result<Service, Problem> {
    let Some(token) = request.app_data::<web::Data<ServiceToken>>() else {
        tracing::error!("an internal route is mounted in an app that has no service token");
        return Err(Problem::new(Code::Internal));
    };
    if token.matches(bearer(request)?) { Ok(Service) } else { Err(AuthError::Invalid.into()) }
}
