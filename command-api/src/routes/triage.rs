//! What people decide about findings, from severity to acceptance.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use domain::finding::{Command, Finding};
use domain::vocabulary::{FindingId, Justification, Note as Text, Severity, Sha256, UserId};
use platform::problem::Problem;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answers::{self, Changed};
use crate::assigning;
use crate::caller::{Analysts, Call};
use crate::clock;
use crate::error::Error;
use crate::fields::Fields;
use crate::handle::Order;
use crate::server::Services;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSeverity {
    #[schema(pattern = "^(critical|high|medium|low|info|unknown)$", examples("low"))]
    severity: String,
    #[schema(min_length = 1, max_length = 4096)]
    reason: Option<String>,
}

/// A decision that owes a reason.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Because {
    #[schema(min_length = 1, max_length = 4096)]
    reason: String,
}

/// A decision that may give a reason.
#[derive(Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct MaybeBecause {
    #[schema(min_length = 1, max_length = 4096)]
    reason: Option<String>,
}

#[derive(Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimFixed {
    #[schema(min_length = 1, max_length = 16_384)]
    note: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    /// A user of the organization; null takes it off somebody's hands.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    assignee: Option<Uuid>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    #[schema(min_length = 1, max_length = 16_384)]
    text: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestAcceptance {
    #[schema(min_length = 1, max_length = 4096)]
    reason: String,
    /// When it lapses.
    until: DateTime<Utc>,
    /// SHA-256 of a document that backs it.
    #[schema(pattern = "^[0-9A-Fa-f]{64}$")]
    proof_sha256: Option<String>,
}

/// Change the severity
#[utoipa::path(
    post, path = "/v1/findings/{id}/severity", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = ChangeSeverity, responses((status = 200, body = Changed)),
)]
pub async fn change_severity(services: Data<Services>, mut call: Call<Analysts>) -> Result<HttpResponse, Problem> {
    let command = call.json::<ChangeSeverity>().await?.translate()?;
    decide(&services, &call, command).await
}

/// Confirm that it is real
///
/// Also takes back a mark or an acceptance.
#[utoipa::path(
    post, path = "/v1/findings/{id}/confirm", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), responses((status = 200, body = Changed)),
)]
pub async fn confirm(services: Data<Services>, call: Call<Analysts>) -> Result<HttpResponse, Problem> {
    decide(&services, &call, Command::Confirm).await
}

/// Mark as a false positive
#[utoipa::path(
    post, path = "/v1/findings/{id}/false-positive", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = Because, responses((status = 200, body = Changed)),
)]
pub async fn mark_false_positive(services: Data<Services>, mut call: Call<Analysts>) -> Result<HttpResponse, Problem> {
    let reason = call.json::<Because>().await?.translate()?;
    decide(&services, &call, Command::MarkFalsePositive { reason }).await
}

/// Mark as out of scope
#[utoipa::path(
    post, path = "/v1/findings/{id}/out-of-scope", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = Because, responses((status = 200, body = Changed)),
)]
pub async fn mark_out_of_scope(services: Data<Services>, mut call: Call<Analysts>) -> Result<HttpResponse, Problem> {
    let reason = call.json::<Because>().await?.translate()?;
    decide(&services, &call, Command::MarkOutOfScope { reason }).await
}

/// Start to work on it
#[utoipa::path(
    post, path = "/v1/findings/{id}/start", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), responses((status = 200, body = Changed)),
)]
pub async fn start_work(services: Data<Services>, call: Call<Analysts>) -> Result<HttpResponse, Problem> {
    decide(&services, &call, Command::Start).await
}

/// Claim that it is fixed
#[utoipa::path(
    post, path = "/v1/findings/{id}/claim-fixed", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = Option<ClaimFixed>, responses((status = 200, body = Changed)),
)]
pub async fn claim_fixed(services: Data<Services>, mut call: Call<Analysts>) -> Result<HttpResponse, Problem> {
    let command = call.optional_json::<ClaimFixed>().await?.translate()?;
    decide(&services, &call, command).await
}

/// Verify that it is fixed
#[utoipa::path(
    post, path = "/v1/findings/{id}/verify", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), responses((status = 200, body = Changed)),
)]
pub async fn verify_fix(services: Data<Services>, call: Call<Analysts>) -> Result<HttpResponse, Problem> {
    decide(&services, &call, Command::Verify).await
}

/// Give it to somebody
#[utoipa::path(
    post, path = "/v1/findings/{id}/assign", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = Assign, responses((status = 200, body = Changed)),
)]
pub async fn assign(services: Data<Services>, mut call: Call<Analysts>) -> Result<HttpResponse, Problem> {
    let assignee = call.json::<Assign>().await?.assignee.map(UserId::new);
    let finding = FindingId::new(call.id()?);
    let order = call.order(&services, call.tenant(), finding.into(), Command::Assign { assignee });
    Ok(answers::changed(&assigning::assign(&services.handler, order, assignee).await?))
}

/// Note something
#[utoipa::path(
    post, path = "/v1/findings/{id}/note", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = Note, responses((status = 200, body = Changed)),
)]
pub async fn note(services: Data<Services>, mut call: Call<Analysts>) -> Result<HttpResponse, Problem> {
    let command = call.json::<Note>().await?.translate()?;
    decide(&services, &call, command).await
}

/// Ask to live with it until a day
#[utoipa::path(
    post, path = "/v1/findings/{id}/acceptance", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = RequestAcceptance, responses((status = 200, body = Changed)),
)]
pub async fn request_acceptance(services: Data<Services>, mut call: Call<Analysts>) -> Result<HttpResponse, Problem> {
    let command = call.json::<RequestAcceptance>().await?.translate(by(&call)?)?;
    decide(&services, &call, command).await
}

/// Agree to live with it
///
/// By another person than the one who asked.
#[utoipa::path(
    post, path = "/v1/findings/{id}/acceptance/approve", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), responses((status = 200, body = Changed)),
)]
pub async fn approve_acceptance(services: Data<Services>, call: Call<Analysts>) -> Result<HttpResponse, Problem> {
    let by = by(&call)?;
    decide(&services, &call, Command::ApproveAcceptance { by }).await
}

/// Refuse to live with it
///
/// By another person than the one who asked.
#[utoipa::path(
    post, path = "/v1/findings/{id}/acceptance/decline", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = Option<MaybeBecause>, responses((status = 200, body = Changed)),
)]
pub async fn decline_acceptance(services: Data<Services>, mut call: Call<Analysts>) -> Result<HttpResponse, Problem> {
    let reason = call.optional_json::<MaybeBecause>().await?.translate()?;
    let by = by(&call)?;
    decide(&services, &call, Command::DeclineAcceptance { by, reason }).await
}

/// Say that it is gone
#[utoipa::path(
    post, path = "/v1/findings/{id}/resolve", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = Option<MaybeBecause>, responses((status = 200, body = Changed)),
)]
pub async fn resolve(services: Data<Services>, mut call: Call<Analysts>) -> Result<HttpResponse, Problem> {
    let reason = call.optional_json::<MaybeBecause>().await?.translate()?;
    decide(&services, &call, Command::Resolve { reason }).await
}

/// Take back that it is gone
#[utoipa::path(
    post, path = "/v1/findings/{id}/reopen", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = Option<MaybeBecause>, responses((status = 200, body = Changed)),
)]
pub async fn reopen(services: Data<Services>, mut call: Call<Analysts>) -> Result<HttpResponse, Problem> {
    let reason = call.optional_json::<MaybeBecause>().await?.translate()?;
    decide(&services, &call, Command::Reopen { reason }).await
}

async fn decide(services: &Services, call: &Call<Analysts>, command: Command) -> Result<HttpResponse, Problem> {
    let finding = FindingId::new(call.id()?);
    let order: Order<'_, Finding> = call.order(services, call.tenant(), finding.into(), command);
    Ok(answers::changed(&services.handler.execute(order).await?))
}

/// Analysts and administrators are people.
fn by(call: &Call<Analysts>) -> Result<UserId, Error> {
    call.origin.person.ok_or(Error::Forbidden)
}

impl ChangeSeverity {
    fn translate(self) -> Result<Command, Error> {
        let mut fields = Fields::default();
        let severity = fields.check("/severity", Severity::parse(&self.severity));
        let reason = fields.optional("/reason", self.reason, |text| Justification::parse(&text));
        fields.finish(|| Some(Command::ChangeSeverity { severity: severity?, reason }))
    }
}

impl Because {
    fn translate(self) -> Result<Justification, Error> {
        let mut fields = Fields::default();
        let reason = fields.check("/reason", Justification::parse(&self.reason));
        fields.finish(|| reason)
    }
}

impl MaybeBecause {
    fn translate(self) -> Result<Option<Justification>, Error> {
        let mut fields = Fields::default();
        let reason = fields.optional("/reason", self.reason, |text| Justification::parse(&text));
        fields.finish(|| Some(reason))
    }
}

impl ClaimFixed {
    fn translate(self) -> Result<Command, Error> {
        let mut fields = Fields::default();
        let note = fields.optional("/note", self.note, |text| Text::parse(&text));
        fields.finish(|| Some(Command::ClaimFixed { note }))
    }
}

impl Note {
    fn translate(self) -> Result<Command, Error> {
        let mut fields = Fields::default();
        let text = fields.check("/text", Text::parse(&self.text));
        fields.finish(|| Some(Command::Note { text: text? }))
    }
}

impl RequestAcceptance {
    fn translate(self, by: UserId) -> Result<Command, Error> {
        let mut fields = Fields::default();
        let reason = fields.check("/reason", Justification::parse(&self.reason));
        let until = fields.check("/until", clock::parse(self.until));
        let proof = fields.optional("/proof_sha256", self.proof_sha256, |text| Sha256::parse(&text));
        fields.finish(|| Some(Command::RequestAcceptance { by, reason: reason?, until: until?, proof }))
    }
}
