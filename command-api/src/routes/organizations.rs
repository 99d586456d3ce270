//! Organizations, for operators: found, change plan, suspend, resume.

use actix_web::HttpResponse;
use actix_web::web::Data;
use domain::organization::{Command, DEVICE_LIMIT_MAX_DEVICES, Organization, Plan};
use domain::vocabulary::{Invalid, Justification, Name, Role, Slug, TenantId};
use platform::problem::Problem;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answers::{self, Changed, Invited};
use super::users::{self, Invitee};
use crate::caller::{Call, Operators};
use crate::error::Error;
use crate::fields::Fields;
use crate::handle::Order;
use crate::membership::{self, Guest};
use crate::server::Services;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FoundOrganization {
    /// Names the organization at log in; unique in the deployment.
    #[schema(pattern = "^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$", min_length = 2, max_length = 63, examples("acme"))]
    slug: String,
    #[schema(min_length = 1, max_length = 200, examples("Acme Ltd"))]
    name: String,
    #[schema(pattern = "^(free|team|enterprise)$", examples("team"))]
    plan: String,
    /// Overrides the plan's own limit.
    #[schema(minimum = 0, maximum = 10_000_000)]
    device_limit: Option<u32>,
    #[serde(deserialize_with = "platform::json::object")]
    administrator: Invitee,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePlan {
    #[schema(pattern = "^(free|team|enterprise)$", examples("enterprise"))]
    plan: String,
    /// Overrides the plan's own limit.
    #[schema(minimum = 0, maximum = 10_000_000)]
    device_limit: Option<u32>,
}

#[derive(Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Suspend {
    #[schema(min_length = 1, max_length = 1_000)]
    reason: Option<String>,
}

/// Found an organization
///
/// Its first administrator is invited with it. Asked for again before they accepted, with the same terms and user, the
/// answer has a new link and the one before works no more.
#[utoipa::path(
    post, path = "/v1/organizations", tag = "organizations", security(("bearer" = [])),
    request_body = FoundOrganization,
    responses((status = 201, body = Invited), (status = 200, body = Invited, description = "Invited once more.")),
)]
pub async fn found(services: Data<Services>, mut call: Call<Operators>) -> Result<HttpResponse, Problem> {
    call.expect_nothing()?;
    let (command, slug, administrator) = call.json::<FoundOrganization>().await?.translate()?;
    let key = call.idempotency(&services, TenantId::DEPLOYMENT);
    let (handler, accounts) = (&services.handler, &services.accounts);
    let founded =
        membership::found(handler, accounts, command, &slug, administrator, key.as_ref(), &call.origin).await?;
    Ok(users::invited(founded, "organizations"))
}

/// Change the plan
#[utoipa::path(
    put, path = "/v1/organizations/{id}/plan", tag = "organizations", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = ChangePlan, responses((status = 200, body = Changed)),
)]
pub async fn change_plan(services: Data<Services>, mut call: Call<Operators>) -> Result<HttpResponse, Problem> {
    let command = call.json::<ChangePlan>().await?.translate()?;
    change(&services, &call, command).await
}

/// Shut an organization's people and scanners out
#[utoipa::path(
    post, path = "/v1/organizations/{id}/suspend", tag = "organizations", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = Option<Suspend>, responses((status = 200, body = Changed)),
)]
pub async fn suspend(services: Data<Services>, mut call: Call<Operators>) -> Result<HttpResponse, Problem> {
    let command = call.optional_json::<Suspend>().await?.translate()?;
    change(&services, &call, command).await
}

/// Let an organization back in
#[utoipa::path(
    post, path = "/v1/organizations/{id}/resume", tag = "organizations", security(("bearer" = [])),
    params(("id" = Uuid, Path)), responses((status = 200, body = Changed)),
)]
pub async fn resume(services: Data<Services>, call: Call<Operators>) -> Result<HttpResponse, Problem> {
    change(&services, &call, Command::Resume).await
}

async fn change(services: &Services, call: &Call<Operators>, command: Command) -> Result<HttpResponse, Problem> {
    let tenant = TenantId::new(call.id()?);
    let order: Order<'_, Organization> = call.order(services, tenant, tenant.into(), command);
    Ok(answers::changed(&services.handler.execute(order).await?))
}

impl FoundOrganization {
    fn translate(self) -> Result<(Command, Slug, Guest), Error> {
        let mut fields = Fields::default();
        let slug = fields.check("/slug", Slug::parse(&self.slug));
        let name = fields.check("/name", Name::parse(&self.name));
        let plan = fields.check("/plan", Plan::parse(&self.plan));
        let device_limit = fields.optional("/device_limit", self.device_limit, limit);
        let guest = self.administrator.translate(&mut fields, "/administrator", Some(Role::Administrator));
        fields.finish(|| {
            let command = Command::Found { slug: slug.clone()?, name: name?, plan: plan?, device_limit };
            Some((command, slug?, guest?))
        })
    }
}

impl ChangePlan {
    fn translate(self) -> Result<Command, Error> {
        let mut fields = Fields::default();
        let plan = fields.check("/plan", Plan::parse(&self.plan));
        let device_limit = fields.optional("/device_limit", self.device_limit, limit);
        fields.finish(|| Some(Command::ChangePlan { plan: plan?, device_limit }))
    }
}

impl Suspend {
    fn translate(self) -> Result<Command, Error> {
        let mut fields = Fields::default();
        let reason = fields.optional("/reason", self.reason, |text| Justification::parse(&text));
        fields.finish(|| Some(Command::Suspend { reason }))
    }
}

fn limit(devices: u32) -> Result<u32, Invalid> {
    match devices {
        0..=DEVICE_LIMIT_MAX_DEVICES => Ok(devices),
        _ => Err(Invalid::new("too-large", format!("must not be more than {DEVICE_LIMIT_MAX_DEVICES}"))),
    }
}
