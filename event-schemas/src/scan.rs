//! The written events of a scan.

pub mod v1;

use domain::scan::{Counts, Event, Hosts, Record, Scope};
use domain::vocabulary::{Label, Name, Sha256, Timestamp, ToolVersion};

use crate::codec::{EncodeError, Recorded, SealContext};
use crate::family::written_events;
use crate::parse::{Broken, each, in_field, optional, text};

written_events! {
    Scan in crate::Written = crate::Written::Scan {
        "scan.recorded" => Recorded(v1::Recorded) 1;
    }
}

impl Recorded for Event {
    fn write(&self, _: &SealContext<'_>) -> Result<crate::Written, EncodeError> {
        let Self::Recorded(record) = self;
        Ok(crate::Written::Scan(Written::Recorded(v1::Recorded {
            tool: record.tool.to_string(),
            tool_version: record.tool_version.as_ref().map(ToString::to_string),
            lane: record.lane.to_string(),
            scope: v1::Scope {
                devices: record.scope.devices,
                hosts: record.scope.hosts.iter().map(ToString::to_string).collect(),
            },
            sha256: record.sha256.to_string(),
            bytes: record.bytes,
            observed_at: record.observed_at.micros(),
            counts: written_counts(record.counts),
        })))
    }

    fn read(written: crate::Written) -> Result<Self, Broken> {
        let crate::Written::Scan(Written::Recorded(event)) = written else {
            return Err(Broken::of_another_kind("a scan", written.type_name()));
        };
        let hosts = each("/scope/hosts", &event.scope.hosts, Name::parse)?;
        Ok(Self::Recorded(Record {
            tool: text("/tool", &event.tool, Label::parse)?,
            tool_version: optional("/tool_version", event.tool_version.as_ref(), ToolVersion::parse)?,
            lane: text("/lane", &event.lane, Label::parse)?,
            scope: Scope { devices: event.scope.devices, hosts: Hosts::new(hosts).map_err(in_field("/scope/hosts"))? },
            sha256: text("/sha256", &event.sha256, Sha256::parse)?,
            bytes: event.bytes,
            observed_at: Timestamp::from_micros(event.observed_at),
            counts: counts(&event.counts),
        }))
    }
}

fn written_counts(counts: Counts) -> v1::Counts {
    let Counts { hosts_up, devices_registered, devices_updated, findings_raised, findings_known, refused } = counts;
    v1::Counts { hosts_up, devices_registered, devices_updated, findings_raised, findings_known, refused }
}

fn counts(written: &v1::Counts) -> Counts {
    let &v1::Counts { hosts_up, devices_registered, devices_updated, findings_raised, findings_known, refused } =
        written;
    Counts { hosts_up, devices_registered, devices_updated, findings_raised, findings_known, refused }
}
