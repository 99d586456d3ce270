//! From what a tool saw to what the domain calls a report. Texts pass the vocabulary's door here; what does not fit
//! through is refused with its code.

use domain::finding::Report;
use domain::vocabulary::{Cves, Evidence, Label, Rule, Service, Timestamp, Title};
use scan_formats::report::FindingObservation;

/// The device is named later, when it is known.
pub(super) fn report_of(found: FindingObservation, observed_at: Timestamp) -> Result<Report, &'static str> {
    let kind = Label::parse(found.kind).map_err(|invalid| invalid.code)?;
    let title = Title::parse(&found.title).map_err(|invalid| invalid.code)?;
    let evidence = found.evidence.as_deref().map(Evidence::parse).transpose().map_err(|invalid| invalid.code)?;
    Ok(Report {
        tool: Label::parse(found.tool).map_err(|invalid| invalid.code)?,
        rule: Some(Rule::parse(&found.rule).map_err(|invalid| invalid.code)?),
        cves: Cves::new(found.cves).map_err(|invalid| invalid.code)?,
        cvss_score: found.cvss_score,
        service: Service::parse(found.protocol, found.port).map_err(|invalid| invalid.code)?,
        evidence,
        ..Report::new(kind, title, found.severity, observed_at)
    })
}

#[cfg(test)]
mod tests {
    use domain::vocabulary::{Port, Protocol, Severity};

    use super::*;

    fn open_port(number: u16) -> FindingObservation {
        FindingObservation {
            kind: "open-port",
            tool: "nmap",
            rule: "open-port".to_owned(),
            protocol: Some(Protocol::Tcp),
            port: Some(Port::new(number)),
            title: format!("Open port {number}/tcp"),
            severity: Severity::Info,
            cves: Vec::new(),
            cvss_score: None,
            evidence: None,
        }
    }

    #[test]
    fn two_ports_are_two_findings_and_one_port_is_one_at_any_time() {
        let at = |number, micros| report_of(open_port(number), Timestamp::from_micros(micros)).unwrap().identity();
        assert_ne!(at(22, 1), at(80, 1));
        assert_eq!(at(22, 1), at(22, 2));
    }

    #[test]
    fn a_text_the_domain_refuses_is_refused_with_its_code() {
        let nameless = FindingObservation { title: " ".to_owned(), ..open_port(22) };
        assert_eq!(report_of(nameless, Timestamp::EPOCH), Err("empty"));
    }
}
