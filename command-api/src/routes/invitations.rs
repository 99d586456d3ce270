//! What the invited do with their link.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use event_schemas::Actor;
use platform::json::{ANONYMOUS_JSON_MAX_BYTES, Json};
use platform::problem::Problem;
use platform::request_id::RequestContext;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answers::{self, Changed};
use crate::error::Error;
use crate::membership;
use crate::origin::Origin;
use crate::passwords::Password;
use crate::server::Services;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    #[schema(format = "password", min_length = 12, max_length = 256)]
    password: String,
}

/// Accept an invitation
///
/// Sets the password; the id answered is the user's. A link works once: used or expired it answers 410.
#[utoipa::path(
    post, path = "/v1/invitations/{token}/accept", tag = "users",
    params(("token" = String, Path)), request_body = Accept, responses((status = 200, body = Changed)),
)]
pub async fn accept(
    services: Data<Services>,
    request: HttpRequest,
    context: RequestContext,
    body: Json<Accept, ANONYMOUS_JSON_MAX_BYTES>,
) -> Result<HttpResponse, Problem> {
    let password = Password::choose(&body.0.password)
        .map_err(|fault| Error::field("/password", fault.code(), fault.to_string()))?;
    let token = request.match_info().get("token").unwrap_or_default();
    let origin = Origin::of_request(Actor::Anonymous, None, &context);
    let Services { handler, accounts, passwords, .. } = services.get_ref();
    let done = membership::accept(handler, accounts, passwords, token, password, &origin).await?;
    Ok(answers::changed(&done))
}
