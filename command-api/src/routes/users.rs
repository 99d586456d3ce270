//! The people of an organization, for its administrators: invite, set role, disable, enable.

use actix_web::HttpResponse;
use actix_web::web::Data;
use domain::user::{By, Command, User};
use domain::vocabulary::{EmailAddress, LoginName, Name, Role, UserId};
use platform::problem::Problem;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answers::{self, Changed, InvitationLink, Invited};
use crate::caller::{Administrators, Call};
use crate::clock;
use crate::error::Error;
use crate::fields::Fields;
use crate::handle::{Done, Order};
use crate::membership::{self, Guest, Link, standing};
use crate::server::Services;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invitee {
    /// The name to log in with; unique within the organization.
    #[schema(min_length = 1, max_length = 128, examples("ana"))]
    user: String,
    #[schema(min_length = 1, max_length = 256, examples("Ana Lima"))]
    display_name: Option<String>,
    #[schema(format = "email", max_length = 254)]
    email: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteUser {
    /// The name to log in with; unique within the organization.
    #[schema(min_length = 1, max_length = 128, examples("ana"))]
    user: String,
    #[schema(min_length = 1, max_length = 256, examples("Ana Lima"))]
    display_name: Option<String>,
    #[schema(format = "email", max_length = 254)]
    email: Option<String>,
    #[schema(pattern = "^(administrator|analyst|auditor|viewer)$", examples("analyst"))]
    role: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRole {
    #[schema(pattern = "^(administrator|analyst|auditor|viewer)$", examples("auditor"))]
    role: String,
}

/// Invite somebody
///
/// No mail is sent yet: pass the link on yourself. Somebody who has not accepted yet may be invited again, if their link
/// was lost: the answer has a new one, and the one before works no more.
#[utoipa::path(
    post, path = "/v1/users", tag = "users", security(("bearer" = [])),
    request_body = InviteUser, responses((status = 201, body = Invited), (status = 200, body = Invited, description = "Invited once more.")),
)]
pub async fn invite(services: Data<Services>, mut call: Call<Administrators>) -> Result<HttpResponse, Problem> {
    call.expect_nothing()?;
    let guest = call.json::<InviteUser>().await?.translate()?;
    let key = call.idempotency(&services, call.tenant());
    let (handler, accounts) = (&services.handler, &services.accounts);
    let done = membership::invite(handler, accounts, call.tenant(), guest, key.as_ref(), &call.origin).await?;
    Ok(invited(done, "users"))
}

/// Give another role
#[utoipa::path(
    put, path = "/v1/users/{id}/role", tag = "users", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = SetRole, responses((status = 200, body = Changed)),
)]
pub async fn set_role(services: Data<Services>, mut call: Call<Administrators>) -> Result<HttpResponse, Problem> {
    let role = call.json::<SetRole>().await?.translate()?;
    let by = by(&call)?;
    change(&services, &call, Command::SetRole { role, by }).await
}

/// Shut somebody out
///
/// Their sessions end, and do not come back when they are let in again.
#[utoipa::path(
    post, path = "/v1/users/{id}/disable", tag = "users", security(("bearer" = [])),
    params(("id" = Uuid, Path)), responses((status = 200, body = Changed)),
)]
pub async fn disable(services: Data<Services>, call: Call<Administrators>) -> Result<HttpResponse, Problem> {
    let by = by(&call)?;
    change(&services, &call, Command::Disable { by }).await
}

/// Let somebody back in
#[utoipa::path(
    post, path = "/v1/users/{id}/enable", tag = "users", security(("bearer" = [])),
    params(("id" = Uuid, Path)), responses((status = 200, body = Changed)),
)]
pub async fn enable(services: Data<Services>, call: Call<Administrators>) -> Result<HttpResponse, Problem> {
    change(&services, &call, Command::Enable).await
}

/// The answer to whoever invited, with the link where it is the first answer.
pub fn invited((done, link): (Done, Option<Link>), collection: &str) -> HttpResponse {
    let invitation = link.map(|Link { user, token, expires_at }| InvitationLink {
        user_id: user.uuid(),
        path: format!("/v1/invitations/{}/accept", token.expose()),
        token: token.expose().to_owned(),
        expires_at: clock::to_utc(expires_at),
    });
    answers::respond(&done, collection, &Invited { id: done.id, version: done.version, invitation })
}

async fn change(services: &Services, call: &Call<Administrators>, command: Command) -> Result<HttpResponse, Problem> {
    let user = UserId::new(call.id()?);
    let administrator = call.origin.person.ok_or(Error::Forbidden)?;
    let order: Order<'_, User> = call.order(services, call.tenant(), user.into(), command);
    match standing::change(&services.handler, order, administrator).await {
        Ok(done) => Ok(answers::changed(&done)),
        Err(error) => Err(call.refuse_late(error).await.into()),
    }
}

fn by(call: &Call<Administrators>) -> Result<By, Error> {
    Ok(By::of(call.origin.person, UserId::new(call.id()?)))
}

impl Invitee {
    pub fn translate(self, fields: &mut Fields, at: &str, role: Option<Role>) -> Option<Guest> {
        let login = fields.check(&format!("{at}/user"), LoginName::parse(&self.user));
        let display_name = fields.optional(&format!("{at}/display_name"), self.display_name, |text| Name::parse(&text));
        let email = fields.optional(&format!("{at}/email"), self.email, |text| EmailAddress::parse(&text));
        Some(Guest { login: login?, display_name, email, role: role? })
    }
}

impl InviteUser {
    fn translate(self) -> Result<Guest, Error> {
        let Self { user, display_name, email, role } = self;
        let mut fields = Fields::default();
        let role = fields.check("/role", Role::parse(&role));
        let guest = Invitee { user, display_name, email }.translate(&mut fields, "", role);
        fields.finish(|| guest)
    }
}

impl SetRole {
    fn translate(self) -> Result<Role, Error> {
        let mut fields = Fields::default();
        let role = fields.check("/role", Role::parse(&self.role));
        fields.finish(|| role)
    }
}
