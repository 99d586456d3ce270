//! Reports as a whole, from bytes to observations and findings, through the crate's public door.
#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected should stop right there")]

mod findings;
mod hostile;
mod hosts;
mod properties;
mod real_reports;

use std::path::{Path, PathBuf};

use scan_formats::{
    nmap::{self, Finished, HostObservation, Parser, Record, Started},
    report::{FindingObservation, ParseError},
};

/// What a report yielded, sorted by kind, and how it ended.
struct Reading {
    started: Option<Started>,
    hosts: Vec<HostObservation>,
    finished: Option<Finished>,
    error: Option<ParseError>,
}

impl Reading {
    fn of(report: &[u8]) -> Self {
        let mut reading = Self { started: None, hosts: Vec::new(), finished: None, error: None };
        for record in Parser::new(report) {
            match record {
                Ok(Record::Started(started)) => reading.started = Some(started),
                Ok(Record::Host(host)) => reading.hosts.push(host),
                Ok(Record::Finished(finished)) => reading.finished = Some(finished),
                Err(error) => reading.error = Some(error),
            }
        }
        reading
    }

    /// Of a fixture that must be read to its end.
    fn of_fixture(name: &str) -> Self {
        let reading = Self::of(&fixture(name));
        assert!(reading.error.is_none(), "{name}: {:?}", reading.error);
        reading
    }

    fn only_host(self) -> HostObservation {
        let [host] = <[HostObservation; 1]>::try_from(self.hosts).unwrap();
        host
    }

    fn findings(&self) -> Vec<FindingObservation> {
        self.hosts.iter().flat_map(nmap::findings).collect()
    }
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/nmap")
}

/// A report around what one host holds.
fn report_with(host: &str) -> Vec<u8> {
    format!(
        "<nmaprun scanner=\"nmap\" version=\"7.94\"><host><address addr=\"10.0.0.1\" addrtype=\"ipv4\"/>{host}</host></nmaprun>"
    )
    .into_bytes()
}

fn titles(findings: &[FindingObservation]) -> Vec<&str> {
    findings.iter().map(|finding| finding.title.as_str()).collect()
}
