//! Keys of scanners, for administrators: issue and revoke.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use domain::api_key::{ApiKey, Command, PublicId};
use domain::vocabulary::{ApiKeyId, Name, Timestamp};
use platform::auth::api_key::ApiKey as Presented;
use platform::problem::Problem;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answers::{self, Changed, Issued};
use crate::caller::{Administrators, Call};
use crate::clock;
use crate::error::Error;
use crate::fields::Fields;
use crate::handle::{Done, Order, Outcome, Start};
use crate::server::Services;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueKey {
    #[schema(min_length = 1, max_length = 256, examples("scanner in Lisbon"))]
    name: String,
    /// Within a year; without it the key works until it is revoked.
    expires_at: Option<DateTime<Utc>>,
}

/// Issue a scanner key
#[utoipa::path(
    post, path = "/v1/api-keys", tag = "api-keys", security(("bearer" = [])),
    request_body = IssueKey, responses((status = 201, body = Issued)),
)]
pub async fn issue(services: Data<Services>, mut call: Call<Administrators>) -> Result<HttpResponse, Problem> {
    call.expect_nothing()?;
    let (name, expires_at) = call.json::<IssueKey>().await?.translate()?;
    let key = Presented::generate().map_err(|error| Error::Keys(Box::new(error)))?;
    let id = ApiKeyId::new(Uuid::now_v7());
    let public_id = PublicId::parse(key.public_id()).map_err(|invalid| Error::Damaged(Box::new(invalid)))?;
    services
        .accounts
        .keep_api_key(call.tenant(), id, key.public_id(), &key.secret_sha256())
        .await
        .map_err(Error::from)?;
    let command = Command::Issue { name, public_id, expires_at };
    let mut order: Order<'_, ApiKey> = call.order(&services, call.tenant(), id.into(), command);
    order.start = Start::New;
    order.extra = Some(key.public_id().into());
    let done = services.handler.execute(order).await?;
    Ok(issued(&done, &key))
}

/// Revoke a scanner key
///
/// It stops working within a second.
#[utoipa::path(
    post, path = "/v1/api-keys/{id}/revoke", tag = "api-keys", security(("bearer" = [])),
    params(("id" = Uuid, Path)), responses((status = 200, body = Changed)),
)]
pub async fn revoke(services: Data<Services>, call: Call<Administrators>) -> Result<HttpResponse, Problem> {
    let id = ApiKeyId::new(call.id()?);
    let order: Order<'_, ApiKey> = call.order(&services, call.tenant(), id.into(), Command::Revoke);
    Ok(answers::changed(&services.handler.execute(order).await?))
}

/// A repetition knows the public id of the key that was issued then, and nobody knows its secret any more.
fn issued(done: &Done, key: &Presented) -> HttpResponse {
    let fresh = done.outcome == Outcome::Created;
    let public_id = done.extra.as_ref().and_then(|extra| extra.as_str()).unwrap_or_default().to_owned();
    let key = fresh.then(|| key.expose().to_owned());
    answers::respond(done, "api-keys", &Issued { id: done.id, version: done.version, public_id, key })
}

impl IssueKey {
    fn translate(self) -> Result<(Name, Option<Timestamp>), Error> {
        let mut fields = Fields::default();
        let name = fields.check("/name", Name::parse(&self.name));
        let expires_at = fields.optional("/expires_at", self.expires_at, clock::parse);
        fields.finish(|| Some((name?, expires_at)))
    }
}
