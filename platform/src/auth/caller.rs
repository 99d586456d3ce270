//! The caller as a handler's parameter: a handler that names it cannot be reached without one.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};

use super::{AuthError, Authenticator, Principal};
use crate::problem::{Code, Problem};

/// Who sent the request, recognized by the app's `web::Data<Authenticator>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller(pub Principal);

impl Deref for Caller {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

/// What became of asking, which is asked once a request, whoever wants to know.
struct Known(Result<Caller, Problem>);

async fn recognize(authenticator: &Authenticator, request: &HttpRequest) -> Result<Caller, Problem> {
    Ok(Caller(authenticator.authenticate(bearer(request)?).await?))
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            if let Some(Known(known)) = request.extensions().get::<Known>() {
                return known.clone();
            }
            let Some(authenticator) = request.app_data::<web::Data<Authenticator>>() else {
                tracing::error!("a route asks who is calling in an app that has no authenticator");
                return Err(Problem::new(Code::Internal));
            };
            let caller = recognize(authenticator, &request).await;
            request.extensions_mut().insert(Known(caller.clone()));
            caller
        })
    }
}

/// The token of `Authorization: Bearer …`. Any other scheme, a second header or two tokens count as none.
pub fn bearer(request: &HttpRequest) -> Result<&str, AuthError> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let (Some(value), None) = (headers.next(), headers.next()) else {
        return Err(AuthError::Missing);
    };
    let text = value.to_str().map_err(|_| AuthError::Invalid)?;
    let (scheme, token) = text.split_once(' ').ok_or(AuthError::Missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AuthError::Missing);
    }
    let token = token.trim_matches(' ');
    if token.is_empty() || token.contains(' ') {
        return Err(AuthError::Invalid);
    }
    Ok(token)
}
