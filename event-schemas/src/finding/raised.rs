//! The largest event of a finding: what was reported, in both its forms.

use domain::finding::{Event, Identity, Report};
use domain::vocabulary::{
    Cve, Cves, CvssScore, CvssVector, CvssVectors, Description, DeviceId, Evidence, Label, Location, Metadata, Port,
    Protocol, Purl, Rule, Service, Severity, Sha256, Timestamp, Title,
};

use super::v1;
use crate::parse::{Broken, each, in_field, optional, text};

pub(super) fn written(report: &Report, identity: Option<&Identity>) -> v1::Raised {
    v1::Raised {
        device: report.device.map(DeviceId::uuid),
        kind: report.kind.to_string(),
        title: report.title.to_string(),
        description: report.description.as_ref().map(ToString::to_string),
        severity: report.severity.to_string(),
        cves: report.cves.iter().map(ToString::to_string).collect(),
        cvss: report.cvss.iter().map(ToString::to_string).collect(),
        cvss_score_tenths: report.cvss_score.map(CvssScore::tenths),
        tool: report.tool.to_string(),
        rule: report.rule.as_ref().map(ToString::to_string),
        component: report.component.as_ref().map(ToString::to_string),
        protocol: report.service.map(|service| service.protocol.to_string()),
        port: report.service.and_then(|service| service.port).map(Port::number),
        location: report.location.as_ref().map(ToString::to_string),
        evidence: report.evidence.as_ref().map(ToString::to_string),
        metadata: report.metadata.as_map().clone(),
        identity: identity
            .map(|identity| v1::Identity { version: identity.version, digest: identity.digest.to_string() }),
        observed_at: report.observed_at.micros(),
    }
}

pub(super) fn event(raised: v1::Raised) -> Result<Event, Broken> {
    let identity = raised.identity.as_ref().map(identity).transpose()?;
    let score = raised.cvss_score_tenths.map(CvssScore::from_tenths).transpose();
    let report = Report {
        device: raised.device.map(DeviceId::new),
        kind: text("/type", &raised.kind, Label::parse)?,
        title: text("/title", &raised.title, Title::parse)?,
        description: optional("/description", raised.description.as_ref(), Description::parse)?,
        severity: text("/severity", &raised.severity, Severity::parse)?,
        cves: Cves::new(each("/cves", &raised.cves, Cve::parse)?).map_err(in_field("/cves"))?,
        cvss: CvssVectors::new(each("/cvss", &raised.cvss, CvssVector::parse)?).map_err(in_field("/cvss"))?,
        cvss_score: score.map_err(in_field("/cvss_score_tenths"))?,
        tool: text("/tool", &raised.tool, Label::parse)?,
        rule: optional("/rule", raised.rule.as_ref(), Rule::parse)?,
        component: optional("/component", raised.component.as_ref(), Purl::parse)?,
        service: service(&raised)?,
        location: optional("/location", raised.location.as_ref(), Location::parse)?,
        evidence: optional("/evidence", raised.evidence.as_ref(), Evidence::parse)?,
        metadata: Metadata::parse(raised.metadata).map_err(in_field("/metadata"))?,
        observed_at: Timestamp::from_micros(raised.observed_at),
    };
    Ok(Event::Raised { report, identity })
}

fn identity(identity: &v1::Identity) -> Result<Identity, Broken> {
    let digest = text("/identity/digest", &identity.digest, Sha256::parse)?;
    Ok(Identity { version: identity.version, digest })
}

fn service(raised: &v1::Raised) -> Result<Option<Service>, Broken> {
    let protocol = optional("/protocol", raised.protocol.as_ref(), Protocol::parse)?;
    Service::parse(protocol, raised.port.map(Port::new)).map_err(in_field("/port"))
}
