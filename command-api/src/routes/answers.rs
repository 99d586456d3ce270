//! What commands answer: ids and versions, where to look, and from which position on queries show it. Never a copy of
//! the resource, which is the query side's to give.

use actix_web::HttpResponse;
use actix_web::http::header::{ETAG, LOCATION};
use chrono::{DateTime, Utc};
use platform::position::X_CONSISTENCY;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::handle::Done;

/// A thing that exists now.
#[derive(Serialize, ToSchema)]
pub struct Created {
    pub id: Uuid,
    #[schema(minimum = 1)]
    pub version: i64,
}

/// A thing as it is after the command; the version stays where there was nothing to do.
#[derive(Serialize, ToSchema)]
pub struct Changed {
    pub id: Uuid,
    #[schema(minimum = 1)]
    pub version: i64,
}

/// Somebody or something that was created together with an invitation.
#[derive(Serialize, ToSchema)]
pub struct Invited {
    pub id: Uuid,
    #[schema(minimum = 1)]
    pub version: i64,
    /// Shown once: a repetition under the same Idempotency-Key does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub invitation: Option<InvitationLink>,
}

/// Whoever holds it may set the password, once.
#[derive(Serialize, ToSchema)]
pub struct InvitationLink {
    /// The user it invites.
    pub user_id: Uuid,
    pub token: String,
    /// Where to send the password.
    #[schema(examples("/v1/invitations/…/accept"))]
    pub path: String,
    pub expires_at: DateTime<Utc>,
}

/// A key that works from now on.
#[derive(Serialize, ToSchema)]
pub struct Issued {
    pub id: Uuid,
    #[schema(minimum = 1)]
    pub version: i64,
    /// The part of the key that may be shown and searched for.
    pub public_id: String,
    /// The whole key. Shown once: a repetition under the same Idempotency-Key does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub key: Option<String>,
}

pub fn created(done: &Done, collection: &str) -> HttpResponse {
    respond(done, collection, &Created { id: done.id, version: done.version })
}

pub fn changed(done: &Done) -> HttpResponse {
    respond(done, "", &Changed { id: done.id, version: done.version })
}

/// 201 with a Location for what was created, else 200; the rest is common to all.
pub fn respond(done: &Done, collection: &str, body: &impl Serialize) -> HttpResponse {
    let mut answer = if done.created() && !collection.is_empty() {
        let mut answer = HttpResponse::Created();
        answer.insert_header((LOCATION, format!("/v1/{collection}/{}", done.id)));
        answer
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header((X_CONSISTENCY, done.position.to_string()))
        .insert_header((ETAG, format!("\"{}\"", done.version)))
        .json(body)
}
