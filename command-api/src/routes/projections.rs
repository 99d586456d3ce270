//! What operators decide about projections. The answer says that it was decided, and names the operation that follows:
//! its outcome is the query side's to show.

use actix_web::HttpResponse;
use actix_web::web::Data;
use domain::projection::{Command, Projection, Scope, Wish};
use domain::vocabulary::{Generation, Justification, Partition, ProjectionName, StreamId, TenantId};
use platform::position::X_CONSISTENCY;
use platform::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::caller::{Call, Operators};
use crate::error::Error;
use crate::fields::Fields;
use crate::handle::{Done, Order, Start};
use crate::server::Services;

/// A decision that stands in the log.
#[derive(Serialize, ToSchema)]
pub struct Accepted {
    #[schema(value_type = String, examples("findings"))]
    projection: ProjectionName,
    /// How many decisions about this projection there are.
    #[schema(minimum = 0)]
    version: i64,
    /// What follows from it, for `GET /v1/operations/{id}`. Null where it was so already and nothing follows.
    #[schema(required = true)]
    operation: Option<Uuid>,
}

#[derive(Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Rebuild {
    /// Let queries read the new generation as soon as it is ready.
    switch: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OneGeneration {
    #[schema(minimum = 1, maximum = 999_999)]
    generation: u32,
}

#[derive(Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct SomeGeneration {
    /// All there are, unless one is named.
    #[schema(minimum = 1, maximum = 999_999)]
    generation: Option<u32>,
}

#[derive(Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Verify {
    /// The first partition; 0 unless named.
    #[schema(minimum = 0, maximum = 63)]
    first: Option<u32>,
    /// The last partition; 63 unless named.
    #[schema(minimum = 0, maximum = 63)]
    last: Option<u32>,
    /// One partition that the projector draws, instead of a range.
    sample: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    #[schema(minimum = 0, maximum = 63)]
    partition: u32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryStream {
    /// The organization that the stream is of.
    tenant: Uuid,
    /// Every generation in which it is parked, unless one is named.
    #[schema(minimum = 1, maximum = 999_999)]
    generation: Option<u32>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkipEvent {
    /// The organization that the stream is of.
    tenant: Uuid,
    event_id: Uuid,
    #[schema(min_length = 1, max_length = 1_000)]
    reason: String,
}

/// Rebuild a projection
///
/// Folds the log into a new generation beside the live one, which queries go on reading.
#[utoipa::path(
    post, path = "/v1/projections/{name}/rebuild", tag = "projections", security(("bearer" = [])),
    params(("name" = String, Path)), request_body = Option<Rebuild>, responses((status = 202, body = Accepted)),
)]
pub async fn rebuild(services: Data<Services>, mut call: Call<Operators>) -> Result<HttpResponse, Problem> {
    let Rebuild { switch } = call.optional_json().await?;
    decide(&services, &call, Wish::Rebuild { switch }).await
}

/// Let queries read another generation
#[utoipa::path(
    post, path = "/v1/projections/{name}/switch", tag = "projections", security(("bearer" = [])),
    params(("name" = String, Path)), request_body = OneGeneration, responses((status = 202, body = Accepted)),
)]
pub async fn switch(services: Data<Services>, mut call: Call<Operators>) -> Result<HttpResponse, Problem> {
    let generation = call.json::<OneGeneration>().await?.translate()?;
    decide(&services, &call, Wish::Switch { generation }).await
}

/// Throw a generation away that queries do not read
#[utoipa::path(
    post, path = "/v1/projections/{name}/retire", tag = "projections", security(("bearer" = [])),
    params(("name" = String, Path)), request_body = OneGeneration, responses((status = 202, body = Accepted)),
)]
pub async fn retire(services: Data<Services>, mut call: Call<Operators>) -> Result<HttpResponse, Problem> {
    let generation = call.json::<OneGeneration>().await?.translate()?;
    decide(&services, &call, Wish::Retire { generation }).await
}

/// Apply nothing for a while
#[utoipa::path(
    post, path = "/v1/projections/{name}/pause", tag = "projections", security(("bearer" = [])),
    params(("name" = String, Path)), request_body = Option<SomeGeneration>, responses((status = 202, body = Accepted)),
)]
pub async fn pause(services: Data<Services>, mut call: Call<Operators>) -> Result<HttpResponse, Problem> {
    let generation = call.optional_json::<SomeGeneration>().await?.translate()?;
    decide(&services, &call, Wish::Pause { generation }).await
}

/// Go on applying
#[utoipa::path(
    post, path = "/v1/projections/{name}/resume", tag = "projections", security(("bearer" = [])),
    params(("name" = String, Path)), request_body = Option<SomeGeneration>, responses((status = 202, body = Accepted)),
)]
pub async fn resume(services: Data<Services>, mut call: Call<Operators>) -> Result<HttpResponse, Problem> {
    let generation = call.optional_json::<SomeGeneration>().await?.translate()?;
    decide(&services, &call, Wish::Resume { generation }).await
}

/// Fold a part of the log again and compare it with the live generation
#[utoipa::path(
    post, path = "/v1/projections/{name}/verify", tag = "projections", security(("bearer" = [])),
    params(("name" = String, Path)), request_body = Option<Verify>, responses((status = 202, body = Accepted)),
)]
pub async fn verify(services: Data<Services>, mut call: Call<Operators>) -> Result<HttpResponse, Problem> {
    let scope = call.optional_json::<Verify>().await?.translate()?;
    decide(&services, &call, Wish::Verify { scope }).await
}

/// Verify a partition and replace the rows that differ
#[utoipa::path(
    post, path = "/v1/projections/{name}/repair", tag = "projections", security(("bearer" = [])),
    params(("name" = String, Path)), request_body = Repair, responses((status = 202, body = Accepted)),
)]
pub async fn repair(services: Data<Services>, mut call: Call<Operators>) -> Result<HttpResponse, Problem> {
    let partition = call.json::<Repair>().await?.translate()?;
    decide(&services, &call, Wish::Repair { partition }).await
}

/// Apply what waits of a parked stream
#[utoipa::path(
    post, path = "/v1/projections/{name}/parked/{stream}/retry", tag = "projections", security(("bearer" = [])),
    params(("name" = String, Path), ("stream" = Uuid, Path)), request_body = RetryStream,
    responses((status = 202, body = Accepted)),
)]
pub async fn retry(services: Data<Services>, mut call: Call<Operators>) -> Result<HttpResponse, Problem> {
    let body = call.json::<RetryStream>().await?;
    let wish = body.translate(stream(&call)?)?;
    decide(&services, &call, wish).await
}

/// Leave a parked event out and go on behind it
///
/// It is left out of later generations too.
#[utoipa::path(
    post, path = "/v1/projections/{name}/parked/{stream}/skip", tag = "projections", security(("bearer" = [])),
    params(("name" = String, Path), ("stream" = Uuid, Path)), request_body = SkipEvent,
    responses((status = 202, body = Accepted)),
)]
pub async fn skip(services: Data<Services>, mut call: Call<Operators>) -> Result<HttpResponse, Problem> {
    let body = call.json::<SkipEvent>().await?;
    let wish = body.translate(stream(&call)?)?;
    decide(&services, &call, wish).await
}

async fn decide(services: &Services, call: &Call<Operators>, wish: Wish) -> Result<HttpResponse, Problem> {
    let named = call.request().match_info().get("name").and_then(|name| ProjectionName::parse(name).ok());
    let projection = named.ok_or(Error::NotFound)?;
    let command = Command { projection, wish };
    let order: Order<'_, Projection> =
        Order { start: Start::Any, ..call.order(services, TenantId::DEPLOYMENT, projection.stream(), command) };
    Ok(accepted(projection, &services.handler.execute(order).await?))
}

fn accepted(projection: ProjectionName, done: &Done) -> HttpResponse {
    let operation = done.changed().then(|| projection.operation(done.version));
    HttpResponse::Accepted().insert_header((X_CONSISTENCY, done.position.to_string())).json(Accepted {
        projection,
        version: done.version,
        operation,
    })
}

/// What is no id names no stream.
fn stream(call: &Call<Operators>) -> Result<StreamId, Error> {
    let id = call.request().match_info().get("stream").and_then(|text| Uuid::parse_str(text).ok());
    id.map(StreamId::new).ok_or(Error::NotFound)
}

impl OneGeneration {
    fn translate(self) -> Result<Generation, Error> {
        let mut fields = Fields::default();
        let generation = fields.check("/generation", Generation::new(self.generation));
        fields.finish(|| generation)
    }
}

impl SomeGeneration {
    fn translate(self) -> Result<Option<Generation>, Error> {
        let mut fields = Fields::default();
        let generation = fields.optional("/generation", self.generation, Generation::new);
        fields.finish(|| Some(generation))
    }
}

impl Verify {
    fn translate(self) -> Result<Scope, Error> {
        let mut fields = Fields::default();
        let first = fields.optional("/first", self.first, Partition::new);
        let last = fields.optional("/last", self.last, Partition::new);
        if self.sample && (self.first.is_some() || self.last.is_some()) {
            fields.fault("/sample", "contradiction", "is drawn, so no range can be named");
        }
        let range =
            Scope::Partitions { first: first.unwrap_or(Partition::FIRST), last: last.unwrap_or(Partition::LAST) };
        fields.finish(|| Some(if self.sample { Scope::Sample } else { range }))
    }
}

impl Repair {
    fn translate(self) -> Result<Partition, Error> {
        let mut fields = Fields::default();
        let partition = fields.check("/partition", Partition::new(self.partition));
        fields.finish(|| partition)
    }
}

impl RetryStream {
    fn translate(self, stream: StreamId) -> Result<Wish, Error> {
        let mut fields = Fields::default();
        let generation = fields.optional("/generation", self.generation, Generation::new);
        let tenant = TenantId::new(self.tenant);
        fields.finish(|| Some(Wish::RetryStream { tenant, stream, generation }))
    }
}

impl SkipEvent {
    fn translate(self, stream: StreamId) -> Result<Wish, Error> {
        let mut fields = Fields::default();
        let reason = fields.check("/reason", Justification::parse(&self.reason));
        let (tenant, event) = (TenantId::new(self.tenant), self.event_id);
        fields.finish(|| Some(Wish::SkipEvent { tenant, stream, event, reason: reason? }))
    }
}
