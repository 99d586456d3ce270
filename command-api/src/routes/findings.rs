//! Findings as scanners and people report them: raise and observe. What people then decide is in `triage`.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use domain::finding::{Command, Finding, Report};
use domain::vocabulary::{
    Cve, Cves, CvssScore, CvssVector, CvssVectors, Description, DeviceId, Evidence, FindingId, Invalid, Label,
    Location, Metadata, Port, Protocol, Purl, Rule, Service, Severity, Timestamp, Title,
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
use crate::handle::Order;
use crate::raising;
use crate::server::Services;

const SCORE_TO_TENTHS: f64 = 10.0;
/// Far below a tenth, far above the error of a decimal in binary.
const TENTH_TOLERANCE: f64 = 1e-6;

/// Raised again, a finding is recognized by tool, rule or CVEs, component or service, and location.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RaiseFinding {
    device_id: Option<Uuid>,
    #[serde(rename = "type")]
    #[schema(pattern = "^[a-z0-9][a-z0-9_.-]{0,63}$", examples("vulnerability"))]
    kind: String,
    #[schema(min_length = 1, max_length = 500)]
    title: String,
    #[schema(pattern = "^(critical|high|medium|low|info|unknown)$", examples("high"))]
    severity: String,
    #[schema(min_length = 1, max_length = 16_384)]
    description: Option<String>,
    #[serde(default)]
    #[schema(max_items = 64, examples(json!(["CVE-2024-3094"])))]
    cves: Vec<String>,
    /// CVSS vectors of version 2, 3.0, 3.1 or 4.0.
    #[serde(default)]
    #[schema(max_items = 8, examples(json!(["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"])))]
    cvss: Vec<String>,
    /// In steps of a tenth; left out, it is that of the newest vector.
    #[schema(minimum = 0, maximum = 10, examples(9.8))]
    cvss_score: Option<f64>,
    /// The family of checks that found it; `manual` if left out.
    #[schema(pattern = "^[a-z0-9][a-z0-9_.-]{0,63}$", examples("nessus"))]
    tool: Option<String>,
    #[schema(min_length = 1, max_length = 512)]
    rule: Option<String>,
    /// A package URL.
    #[schema(min_length = 1, max_length = 1024, examples("pkg:deb/debian/xz-utils@5.6.1"))]
    component: Option<String>,
    #[schema(pattern = "^(tcp|udp|sctp|icmp|ip)$")]
    protocol: Option<String>,
    #[schema(minimum = 0, maximum = 65535)]
    port: Option<u16>,
    #[schema(min_length = 1, max_length = 2048)]
    location: Option<String>,
    #[schema(min_length = 1, max_length = 24_576)]
    evidence: Option<String>,
    /// Free properties, at most 64 and 8 KiB together.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    /// When it was so; now, if left out.
    observed_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Observe {
    /// When it was seen; now, if left out.
    observed_at: Option<DateTime<Utc>>,
}

/// Raise a finding
///
/// A new one answers 201. One that is known already is observed again and answers 200 with its id.
#[utoipa::path(
    post, path = "/v1/findings", tag = "findings", security(("bearer" = [])),
    request_body = RaiseFinding,
    responses((status = 201, body = Created), (status = 200, body = Changed, description = "It is known.")),
)]
pub async fn raise(services: Data<Services>, mut call: Call<Reporters>) -> Result<HttpResponse, Problem> {
    call.expect_nothing()?;
    let report = call.json::<RaiseFinding>().await?.translate(services.handler.now())?;
    let key = call.idempotency(&services, call.tenant());
    let done = raising::raise(&services.handler, call.tenant(), report, key, &call.origin).await?;
    Ok(answers::created(&done, "findings"))
}

/// Say that a finding was seen again
///
/// What is detected already stays as it is; what was gone comes back, unless it went after the observation.
#[utoipa::path(
    post, path = "/v1/findings/{id}/observe", tag = "findings", security(("bearer" = [])),
    params(("id" = Uuid, Path)), request_body = Option<Observe>, responses((status = 200, body = Changed)),
)]
pub async fn observe(services: Data<Services>, mut call: Call<Reporters>) -> Result<HttpResponse, Problem> {
    let command = call.optional_json::<Observe>().await?.translate(services.handler.now())?;
    let finding = FindingId::new(call.id()?);
    let order: Order<'_, Finding> = call.order(&services, call.tenant(), finding.into(), command);
    Ok(answers::changed(&services.handler.execute(order).await?))
}

impl RaiseFinding {
    fn translate(self, now: Timestamp) -> Result<Report, Error> {
        let mut fields = Fields::default();
        let kind = fields.check("/type", Label::parse(&self.kind));
        let title = fields.check("/title", Title::parse(&self.title));
        let severity = fields.check("/severity", Severity::parse(&self.severity));
        let cves = fields.each("/cves", self.cves, |text| Cve::parse(&text));
        let cves = fields.check("/cves", Cves::new(cves));
        let cvss = fields.each("/cvss", self.cvss, |text| CvssVector::parse(&text));
        let cvss = fields.check("/cvss", CvssVectors::new(cvss));
        let protocol = fields.optional("/protocol", self.protocol, |text| Protocol::parse(&text));
        let service = fields.check("/protocol", Service::parse(protocol, self.port.map(Port::new)));
        let metadata = fields.check("/metadata", Metadata::parse(self.metadata));
        let details = Details {
            description: fields.optional("/description", self.description, |text| Description::parse(&text)),
            cvss_score: fields.optional("/cvss_score", self.cvss_score, score),
            tool: fields.optional("/tool", self.tool, |text| Label::parse(&text)).unwrap_or_else(Label::manual),
            rule: fields.optional("/rule", self.rule, |text| Rule::parse(&text)),
            component: fields.optional("/component", self.component, |text| Purl::parse(&text)),
            location: fields.optional("/location", self.location, |text| Location::parse(&text)),
            evidence: fields.optional("/evidence", self.evidence, |text| Evidence::parse(&text)),
            observed_at: fields.optional("/observed_at", self.observed_at, clock::parse).unwrap_or(now),
        };
        let device = self.device_id.map(DeviceId::new);
        fields.finish(|| {
            Some(details.into_report((kind?, title?, severity?), device, (cves?, cvss?), service?, metadata?))
        })
    }
}

impl Observe {
    fn translate(self, now: Timestamp) -> Result<Command, Error> {
        let mut fields = Fields::default();
        let observed_at = fields.optional("/observed_at", self.observed_at, clock::parse).unwrap_or(now);
        fields.finish(|| Some(Command::Observe { observed_at }))
    }
}

/// The optional part of a report: absent or parsed.
struct Details {
    description: Option<Description>,
    cvss_score: Option<CvssScore>,
    tool: Label,
    rule: Option<Rule>,
    component: Option<Purl>,
    location: Option<Location>,
    evidence: Option<Evidence>,
    observed_at: Timestamp,
}

impl Details {
    fn into_report(
        self,
        (kind, title, severity): (Label, Title, Severity),
        device: Option<DeviceId>,
        (cves, cvss): (Cves, CvssVectors),
        service: Option<Service>,
        metadata: Metadata,
    ) -> Report {
        let Self { description, cvss_score, tool, rule, component, location, evidence, observed_at } = self;
        Report {
            description,
            cvss_score,
            tool,
            rule,
            component,
            location,
            evidence,
            device,
            cves,
            cvss,
            service,
            metadata,
            ..Report::new(kind, title, severity, observed_at)
        }
    }
}

fn score(score: f64) -> Result<CvssScore, Invalid> {
    let tenths = score * SCORE_TO_TENTHS;
    let whole = tenths.round();
    if (tenths - whole).abs() > TENTH_TOLERANCE || !(0.0..=100.0).contains(&whole) {
        return Err(Invalid::new("malformed-cvss-score", "must be a score from 0.0 to 10.0 in steps of a tenth"));
    }
    CvssScore::from_tenths(whole as u8)
}
