//! Log in and log out.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use domain::session::{Command, Session};
use domain::vocabulary::SessionId;
use platform::auth::Principal;
use platform::json::{ANONYMOUS_JSON_MAX_BYTES, Json};
use platform::position::X_CONSISTENCY;
use platform::problem::Problem;
use platform::request_id::RequestContext;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answers::{self, Changed};
use crate::caller::{Call, SignedIn};
use crate::error::Error;
use crate::handle::Order;
use crate::log_in::{self, Attempt};
use crate::passwords::Password;
use crate::server::Services;

/// Longer than any login name; what is typed here is hashed before it is known to be one.
const USER_MAX_BYTES: usize = 1024;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// The organization's slug; may be left out where the deployment has one organization.
    #[schema(max_length = 63, examples("demo"))]
    organization: Option<String>,
    #[schema(max_length = 1024, examples("ana"))]
    user: String,
    #[schema(format = "password", max_length = 256)]
    password: String,
}

#[derive(Serialize, ToSchema)]
pub struct LoggedIn {
    access_token: String,
    #[schema(value_type = String, examples("Bearer"))]
    token_type: &'static str,
    /// Seconds for which the token holds.
    #[schema(minimum = 1, maximum = 600)]
    expires_in: u64,
}

/// Log in
///
/// Whatever was wrong, the answer is the same.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "sessions",
    request_body = LogIn, responses((status = 200, body = LoggedIn)),
)]
pub async fn log_in(
    services: Data<Services>,
    context: RequestContext,
    body: Json<LogIn, ANONYMOUS_JSON_MAX_BYTES>,
) -> Result<HttpResponse, Problem> {
    let attempt = body.0.translate()?;
    let entry = log_in::log_in(&services, attempt, &context).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_CONSISTENCY, entry.position.to_string()))
        .json(LoggedIn {
            access_token: entry.access_token,
            token_type: "Bearer",
            expires_in: entry.expires_in_seconds,
        }))
}

/// Log out
///
/// The session's tokens stop working within a second.
#[utoipa::path(
    delete, path = "/v1/sessions/current", tag = "sessions", security(("bearer" = [])),
    responses((status = 200, body = Changed)),
)]
pub async fn log_out(services: Data<Services>, call: Call<SignedIn>) -> Result<HttpResponse, Problem> {
    let Principal::User { session, .. } = call.principal else { return Err(Error::Forbidden.into()) };
    let stream = SessionId::new(session).into();
    let order: Order<'_, Session> = call.order(&services, call.tenant(), stream, Command::LogOut);
    Ok(answers::changed(&services.handler.execute(order).await?))
}

impl LogIn {
    fn translate(self) -> Result<Attempt, Error> {
        if self.user.len() > USER_MAX_BYTES {
            return Err(Error::field("/user", "too-long", format!("must not be longer than {USER_MAX_BYTES} bytes")));
        }
        let password = Password::attempt(&self.password)
            .map_err(|fault| Error::field("/password", fault.code(), fault.to_string()))?;
        Ok(Attempt { organization: self.organization, user: self.user, password })
    }
}
