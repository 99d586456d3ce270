//! Devices: register, change identifiers, report status, retire.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use domain::device::{Command, Device, Identifiers, Profile, Registration};
use domain::vocabulary::{
    Address, Addresses, Coordinates, Criticality, DeviceId, DeviceStatus, HostName, Invalid, Label, MacAddress,
    Metadata, Name, Network, Timestamp,
};
use platform::problem::Problem;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answers::{self, Changed, Created};
use crate::caller::{Call, Reporters};
use crate::clock;
use crate::error::Error;
use crate::fields::Fields;
use crate::handle::{Order, Start};
use crate::server::Services;

const DEGREES_TO_E6: f64 = 1_000_000.0;

/// At least one of addresses, mac and host_name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterDevice {
    /// IPv4 and IPv6 addresses; each belongs to one device of a network.
    #[serde(default)]
    #[schema(max_items = 64, examples(json!(["10.0.0.7"])))]
    addresses: Vec<String>,
    /// A label that tells overlapping private ranges apart; `default` if left out.
    #[schema(pattern = "^[a-z0-9][a-z0-9_.-]{0,63}$", examples("default"))]
    network: Option<String>,
    #[schema(examples("00:1b:44:11:3a:b7"))]
    mac: Option<String>,
    #[schema(min_length = 1, max_length = 253)]
    host_name: Option<String>,
    #[schema(min_length = 1, max_length = 256)]
    name: Option<String>,
    #[serde(rename = "type")]
    #[schema(pattern = "^[a-z0-9][a-z0-9_.-]{0,63}$", examples("switch"))]
    kind: Option<String>,
    #[schema(min_length = 1, max_length = 256)]
    vendor: Option<String>,
    #[schema(min_length = 1, max_length = 256)]
    model: Option<String>,
    #[schema(min_length = 1, max_length = 256)]
    os: Option<String>,
    #[schema(min_length = 1, max_length = 256)]
    place: Option<String>,
    #[schema(minimum = -90, maximum = 90)]
    latitude: Option<f64>,
    #[schema(minimum = -180, maximum = 180)]
    longitude: Option<f64>,
    /// `medium` if left out.
    #[schema(pattern = "^(low|medium|high|critical)$")]
    criticality: Option<String>,
    /// Free properties, at most 64 and 8 KiB together.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// At least one of addresses, mac and host_name. They replace what was there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeIdentifiers {
    #[serde(default)]
    #[schema(max_items = 64, examples(json!(["10.0.0.8"])))]
    addresses: Vec<String>,
    /// If left out, the one the device is in.
    #[schema(pattern = "^[a-z0-9][a-z0-9_.-]{0,63}$", examples("default"))]
    network: Option<String>,
    #[schema(examples("00:1b:44:11:3a:b7"))]
    mac: Option<String>,
    #[schema(min_length = 1, max_length = 253)]
    host_name: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportStatus {
    #[schema(pattern = "^(up|down|unknown)$", examples("up"))]
    status: String,
    /// When it was so; now, if left out.
    seen_at: Option<DateTime<Utc>>,
}

/// Register a device
#[utoipa::path(
    post, path = "/v1/devices", tag = "devices", security(("bearer" = [])),
    request_body = RegisterDevice, responses((status = 201, body = Created)),
)]
pub async fn register(services: Data<Services>, mut call: Call<Reporters>) -> Result<HttpResponse, Problem> {
    call.expect_nothing()?;
    let registration = call.json::<RegisterDevice>().await?.translate()?;
    let id = DeviceId::new(Uuid::now_v7());
    let command = Command::Register(registration);
    let order: Order<'_, Device> =
        Order { start: Start::New, ..call.order(&services, call.tenant(), id.into(), command) };
    Ok(answers::created(&services.handler.execute(order).await?, "devices"))
}

/// Change what a device is known by
///
/// All identifiers are replaced; the network stays if it is left out.
#[utoipa::path(
    put, path = "/v1/devices/{id}/identifiers", tag = "devices", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = ChangeIdentifiers, responses((status = 200, body = Changed)),
)]
pub async fn change_identifiers(services: Data<Services>, mut call: Call<Reporters>) -> Result<HttpResponse, Problem> {
    let command = call.json::<ChangeIdentifiers>().await?.translate()?;
    change(&services, &call, command).await
}

/// Report whether a device answers
///
/// An unchanged status younger than 15 minutes is no news and leaves the version as it is.
#[utoipa::path(
    put, path = "/v1/devices/{id}/status", tag = "devices", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = ReportStatus, responses((status = 200, body = Changed)),
)]
pub async fn report_status(services: Data<Services>, mut call: Call<Reporters>) -> Result<HttpResponse, Problem> {
    let command = call.json::<ReportStatus>().await?.translate(services.handler.now())?;
    change(&services, &call, command).await
}

/// Retire a device
///
/// Its addresses become free and it no longer counts against the plan. There is no way back.
#[utoipa::path(
    post, path = "/v1/devices/{id}/retire", tag = "devices", security(("bearer" = [])),
    params(("id" = Uuid, Path)), responses((status = 200, body = Changed)),
)]
pub async fn retire(services: Data<Services>, call: Call<Reporters>) -> Result<HttpResponse, Problem> {
    change(&services, &call, Command::Retire).await
}

async fn change(services: &Services, call: &Call<Reporters>, command: Command) -> Result<HttpResponse, Problem> {
    let device = DeviceId::new(call.id()?);
    let order: Order<'_, Device> = call.order(services, call.tenant(), device.into(), command);
    Ok(answers::changed(&services.handler.execute(order).await?))
}

impl RegisterDevice {
    fn translate(self) -> Result<Registration, Error> {
        let mut fields = Fields::default();
        let identifiers = identifiers(&mut fields, self.addresses, self.network, self.mac, self.host_name);
        let mut name = |pointer: &str, text: Option<String>| fields.optional(pointer, text, |text| Name::parse(&text));
        let profile = Profile {
            name: name("/name", self.name),
            vendor: name("/vendor", self.vendor),
            model: name("/model", self.model),
            os: name("/os", self.os),
            place: name("/place", self.place),
            kind: fields.optional("/type", self.kind, |text| Label::parse(&text)),
            coordinates: coordinates(&mut fields, self.latitude, self.longitude),
        };
        let criticality = fields.optional("/criticality", self.criticality, |text| Criticality::parse(&text));
        let criticality = criticality.unwrap_or_default();
        let metadata = fields.check("/metadata", Metadata::parse(self.metadata));
        fields.finish(|| Some(Registration { identifiers: identifiers?, profile, criticality, metadata: metadata? }))
    }
}

impl ChangeIdentifiers {
    fn translate(self) -> Result<Command, Error> {
        let mut fields = Fields::default();
        let command = match self.network {
            Some(_) => Command::ChangeIdentifiers,
            None => Command::ChangeIdentifiersInPlace,
        };
        let identifiers = identifiers(&mut fields, self.addresses, self.network, self.mac, self.host_name);
        fields.finish(|| identifiers.map(command))
    }
}

impl ReportStatus {
    fn translate(self, now: Timestamp) -> Result<Command, Error> {
        let mut fields = Fields::default();
        let status = fields.check("/status", DeviceStatus::parse(&self.status));
        let seen_at = fields.optional("/seen_at", self.seen_at, clock::parse).unwrap_or(now);
        fields.finish(|| Some(Command::ReportStatus { status: status?, seen_at }))
    }
}

fn identifiers(
    fields: &mut Fields,
    addresses: Vec<String>,
    network: Option<String>,
    mac: Option<String>,
    host_name: Option<String>,
) -> Option<Identifiers> {
    let before = fields.faults();
    let addresses = fields.each("/addresses", addresses, |text| Address::parse(&text));
    let addresses = fields.check("/addresses", Addresses::new(addresses));
    let network = fields.optional("/network", network, |text| Network::parse(&text)).unwrap_or_default();
    let mac = fields.optional("/mac", mac, |text| MacAddress::parse(&text));
    let host_name = fields.optional("/host_name", host_name, |text| HostName::parse(&text));
    // With a wrong one among them, "give at least one" would be the second complaint about one mistake.
    if fields.faults() > before {
        return None;
    }
    fields.check("", Identifiers::new(network, addresses?, mac, host_name))
}

fn coordinates(fields: &mut Fields, latitude: Option<f64>, longitude: Option<f64>) -> Option<Coordinates> {
    let e6 = |degrees: f64| (degrees * DEGREES_TO_E6).round() as i32;
    match (latitude, longitude) {
        (None, None) => None,
        (Some(latitude), Some(longitude)) => fields.check("/latitude", Coordinates::new(e6(latitude), e6(longitude))),
        (Some(_), None) => fields.check("/longitude", Err(half_a_place())),
        (None, Some(_)) => fields.check("/latitude", Err(half_a_place())),
    }
}

fn half_a_place() -> Invalid {
    Invalid::new("required", "latitude and longitude are given together")
}
