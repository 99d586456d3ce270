//! What the store knows of some hosts before they are applied: three indexed reads for all of them together. It may be
//! stale by the time of the append, which the expected versions then say.

use std::collections::HashMap;

use domain::device::Device;
use domain::finding::{Finding, Report};
use domain::vocabulary::{DeviceId, FindingId, StreamId, TenantId};

use super::host::{FINDINGS_PER_APPEND_MAX, Import, Seen};
use crate::error::Error;
use crate::event_store::Loaded;
use crate::raising::finding_id;

pub(super) struct Prior {
    /// The devices that hold keys of the hosts.
    pub owners: HashMap<String, StreamId>,
    pub devices: HashMap<StreamId, Loaded<Device>>,
    /// Of each host's first append; further ones are read when their turn comes.
    pub findings: HashMap<StreamId, Loaded<Finding>>,
}

impl Prior {
    pub(super) async fn read(import: &Import<'_>, hosts: &[Seen]) -> Result<Self, Error> {
        let store = &import.handler.store;
        let keys: Vec<String> = hosts.iter().flat_map(|host| host.sight.keys().to_vec()).collect();
        let owners = store.owners(import.tenant, &keys).await?;
        let known = || hosts.iter().filter_map(|host| Some((host, host.sight.device(&owners)?)));
        let mut devices: Vec<StreamId> = known().map(|(_, device)| device.into()).collect();
        devices.sort_unstable();
        devices.dedup();
        if devices.is_empty() {
            return Ok(Self { owners, devices: HashMap::new(), findings: HashMap::new() });
        }
        let findings = known().flat_map(|(host, device)| {
            let first = host.reports.iter().take(FINDINGS_PER_APPEND_MAX);
            first.map(move |report| StreamId::from(on_device(import.tenant, report, device).0))
        });
        let findings: Vec<StreamId> = findings.collect();
        let devices = store.load_many(import.tenant, &devices).await?;
        let findings = store.load_many(import.tenant, &findings).await?;
        Ok(Self { owners, devices, findings })
    }
}

/// The report as one of this device, and the finding it is then.
pub(super) fn on_device(tenant: TenantId, report: &Report, device: DeviceId) -> (FindingId, Report) {
    let report = Report { device: Some(device), ..report.clone() };
    (finding_id(tenant, &report), report)
}
