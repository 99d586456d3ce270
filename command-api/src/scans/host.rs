//! One host of a report: find its device or register it, say that it is up, raise what was found. All of it is one
//! append; a host with very many findings is split, device first, and each part is harmless to repeat.

use std::collections::{HashMap, HashSet};

use domain::decider::{Decider, Reason};
use domain::device::Device;
use domain::finding::{Command as FindingCommand, Finding, Report};
use domain::vocabulary::{DeviceId, StreamId, TenantId, Timestamp};
use scan_formats::nmap::{self, HostObservation};
use uuid::Uuid;

use super::device::{self, Sight};
use super::prior::{Prior, on_device};
use super::report::report_of;
use super::tally::Applied;
use crate::appender::AppendError;
use crate::error::Error;
use crate::event_store::Loaded;
use crate::handle::{AppendFault, Draft, Handler, TRIES_MAX};
use crate::keys;
use crate::origin::Origin;

/// A host with more findings is applied in several appends, so that no call of the store grows without bound.
pub(super) const FINDINGS_PER_APPEND_MAX: usize = 199;

/// What every host of one report shares.
pub(super) struct Import<'i> {
    pub handler: &'i Handler,
    pub tenant: TenantId,
    pub origin: &'i Origin,
    /// For hosts that do not say when they were seen.
    pub observed_at: Timestamp,
}

/// A host in the words of the domain.
pub(super) struct Seen {
    pub sight: Sight,
    pub reports: Vec<Report>,
    /// What of it the domain has no words for.
    pub refusals: Vec<&'static str>,
}

impl Seen {
    /// Nothing where nobody could know the host again.
    pub(super) fn of(host: HostObservation, observed_at: Timestamp) -> Option<Self> {
        let seen_at = host.ended_at.or(host.started_at).unwrap_or(observed_at);
        let sight = Sight::of(&host, seen_at).ok()?;
        let mut seen = Self { sight, reports: Vec::new(), refusals: Vec::new() };
        for found in nmap::findings(&host) {
            match report_of(found, seen_at) {
                Ok(report) => seen.reports.push(report),
                Err(code) => seen.refusals.push(code),
            }
        }
        Some(seen)
    }
}

/// Applies one host; refusals are counted, faults of ours are not survived. Where `prior` is stale, it is read again.
pub(super) async fn apply(import: &Import<'_>, seen: &Seen, prior: &Prior) -> Result<Applied, Error> {
    let (first, rest) = seen.reports.split_at(seen.reports.len().min(FINDINGS_PER_APPEND_MAX));
    let mut tries = Tries::default();
    let mut fresh: Option<Prior> = None;
    let (device, mut applied) = loop {
        match with_device(import, &seen.sight, fresh.as_ref().unwrap_or(prior), first).await {
            Err(AppendFault::Store(AppendError::Conflict { .. } | AppendError::Reserved { .. })) => tries.again()?,
            Err(AppendFault::Store(AppendError::CeilingReached { .. })) => {
                return Ok(Applied::refused("device-limit-reached"));
            }
            // The rest of the report goes on; of this host nothing was applied.
            Err(AppendFault::Other(Error::Refused { code, .. })) => return Ok(Applied::refused(code)),
            Err(fault) => return Err(fault.into()),
            Ok(done) => break done,
        }
        fresh = Some(Prior::read(import, std::slice::from_ref(seen)).await?);
    };
    for chunk in rest.chunks(FINDINGS_PER_APPEND_MAX) {
        applied.add(findings_alone(import, device, chunk).await?);
    }
    applied.refusals.extend(&seen.refusals);
    Ok(applied)
}

/// The device and the first findings: one append.
async fn with_device(
    import: &Import<'_>,
    sight: &Sight,
    prior: &Prior,
    reports: &[Report],
) -> Result<(DeviceId, Applied), AppendFault> {
    let owners = sight.owners(&prior.owners);
    let known = sight.device(&owners);
    let device = known.unwrap_or_else(|| DeviceId::new(Uuid::now_v7()));
    let unknown = Loaded { version: 0, state: Device::initial() };
    let before = prior.devices.get(&StreamId::from(device)).unwrap_or(&unknown);
    let decided = device::decide(sight, before, &owners, device, import.handler.now())?;
    let mut applied = Applied {
        registered: known.is_none(),
        updated: known.is_some() && !decided.events.is_empty(),
        refusals: sight.ambiguity(&owners, device),
        ..Applied::default()
    };
    applied.refusals.extend(decided.refused);
    let mut draft = Draft::new(import.tenant);
    draft.add(device.into(), before, &decided.events, &keys::none())?;
    draft_findings(import, &mut draft, device, reports, &prior.findings, &mut applied)?;
    import.handler.append(import.tenant, draft, import.origin, Vec::new(), None).await?;
    Ok((device, applied))
}

async fn findings_alone(import: &Import<'_>, device: DeviceId, reports: &[Report]) -> Result<Applied, Error> {
    let ids = reports.iter().map(|report| StreamId::from(on_device(import.tenant, report, device).0));
    let ids: Vec<StreamId> = ids.collect();
    let mut tries = Tries::default();
    loop {
        let known = import.handler.store.load_many(import.tenant, &ids).await?;
        let mut applied = Applied::default();
        let mut draft = Draft::new(import.tenant);
        draft_findings(import, &mut draft, device, reports, &known, &mut applied)?;
        match import.handler.append(import.tenant, draft, import.origin, Vec::new(), None).await {
            Err(AppendFault::Store(AppendError::Conflict { .. })) => tries.again()?,
            Err(fault) => return Err(fault.into()),
            Ok(_) => return Ok(applied),
        }
    }
}

/// Adds what is news among the reports. What is detected already adds nothing.
fn draft_findings(
    import: &Import<'_>,
    draft: &mut Draft,
    device: DeviceId,
    reports: &[Report],
    known: &HashMap<StreamId, Loaded<Finding>>,
    applied: &mut Applied,
) -> Result<(), Error> {
    let unknown = Loaded { version: 0, state: Finding::initial() };
    let now = import.handler.now();
    let mut drafted = HashSet::new();
    for report in reports {
        let (id, report) = on_device(import.tenant, report, device);
        let stream = StreamId::from(id);
        if !drafted.insert(stream) {
            continue;
        }
        let before = known.get(&stream).unwrap_or(&unknown);
        match before.state.decide(FindingCommand::Raise(report), now) {
            Err(refusal) => applied.refusals.push(refusal.code()),
            Ok(events) => {
                draft.add(stream, before, &events, &keys::none())?;
                match before.version {
                    0 => applied.raised += 1,
                    _ => applied.known += 1,
                }
            }
        }
    }
    Ok(())
}

/// A bounded number of lost races.
#[derive(Default)]
struct Tries(usize);

impl Tries {
    fn again(&mut self) -> Result<(), Error> {
        self.0 += 1;
        if self.0 < TRIES_MAX { Ok(()) } else { Err(Error::Contended(TRIES_MAX)) }
    }
}
