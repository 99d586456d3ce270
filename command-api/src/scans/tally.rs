//! What came of a report so far: counted as it is applied, told at its end, also at a bad one.

use std::collections::BTreeMap;

use domain::scan::Counts;
use scan_formats::report::Quarantine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Examples of what was set aside that an answer carries; the rest is counted.
const EXAMPLES_MAX: usize = 20;

/// What a report led to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tally {
    pub hosts_up: u32,
    pub devices_registered: u32,
    /// Known devices of which something was news: that they are up, a further address, or a hardware address or name
    /// where none was known.
    pub devices_updated: u32,
    pub findings_raised: u32,
    /// Findings that were known before this report.
    pub findings_known: u32,
    /// Hosts and findings that could not be applied, and records of the report that made no sense.
    pub refused: u32,
    /// Why, with how often: stable codes. Of a host that counts under `mac-of-another-device` nothing was applied: its
    /// address belongs to a device with another hardware address, and which of them is meant a person has to say.
    pub refusals: BTreeMap<String, u32>,
    /// The first records that made no sense, and where in the report they stand.
    pub quarantined: Vec<SetAside>,
}

/// A record of the report that made no sense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetAside {
    /// Bytes from the start of the report.
    pub position: u64,
    pub record: String,
    pub reason: String,
}

/// What one host led to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    pub registered: bool,
    pub updated: bool,
    pub raised: u32,
    pub known: u32,
    pub refusals: Vec<&'static str>,
}

impl Applied {
    pub fn refused(code: &'static str) -> Self {
        Self { refusals: vec![code], ..Self::default() }
    }

    /// More of the same host.
    pub fn add(&mut self, more: Self) {
        self.raised += more.raised;
        self.known += more.known;
        self.refusals.extend(more.refusals);
    }
}

impl Tally {
    pub fn add(&mut self, applied: &Applied) {
        self.devices_registered += u32::from(applied.registered);
        self.devices_updated += u32::from(applied.updated);
        self.findings_raised += applied.raised;
        self.findings_known += applied.known;
        applied.refusals.iter().for_each(|code| self.refuse(code, 1));
    }

    pub fn set_aside(&mut self, quarantine: &Quarantine) {
        if quarantine.is_empty() {
            return;
        }
        self.refuse("quarantined", u32::try_from(quarantine.total()).unwrap_or(u32::MAX));
        let room = EXAMPLES_MAX.saturating_sub(self.quarantined.len());
        self.quarantined.extend(quarantine.kept().iter().take(room).map(|record| SetAside {
            position: record.position,
            record: record.record.to_owned(),
            reason: record.reason.clone(),
        }));
    }

    pub fn refuse(&mut self, code: &str, count: u32) {
        self.refused = self.refused.saturating_add(count);
        let known = self.refusals.entry(code.to_owned()).or_default();
        *known = known.saturating_add(count);
    }

    /// What a repetition under the same key is told: everything but the examples, which have no bound in bytes.
    pub fn kept(&self) -> serde_json::Value {
        let kept = Self { quarantined: Vec::new(), ..self.clone() };
        serde_json::to_value(kept).expect("numbers and codes always fit JSON")
    }

    /// What the scan's event records.
    pub fn counts(&self) -> Counts {
        Counts {
            hosts_up: self.hosts_up,
            devices_registered: self.devices_registered,
            devices_updated: self.devices_updated,
            findings_raised: self.findings_raised,
            findings_known: self.findings_known,
            refused: self.refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_host_is_counted_with_its_reason() {
        let mut tally = Tally::default();
        let refused = Applied { refusals: vec!["device-limit-reached"], ..Applied::default() };
        tally.add(&refused);
        tally.add(&refused);
        assert_eq!((tally.refused, tally.refusals["device-limit-reached"]), (2, 2));
    }

    #[test]
    fn only_the_first_quarantined_records_are_told() {
        let mut quarantine = Quarantine::default();
        (0..50).for_each(|position| quarantine.add(position, "port", "no number"));
        let mut tally = Tally::default();
        tally.set_aside(&quarantine);
        assert_eq!((tally.refused, tally.quarantined.len()), (50, EXAMPLES_MAX));
    }
}
