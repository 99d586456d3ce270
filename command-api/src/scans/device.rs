//! The device behind a host of a report. A scan adds what it learnt (an address, a hardware address, a name) and never
//! takes away what somebody else said; which of two devices is meant, when their addresses turn up on one host, or a
//! known address on another card, is left to a person.

use std::collections::HashMap;

use domain::decider::{Decider, Reason};
use domain::device::{Command, Device, Event, Identifiers, Profile, Registration};
use domain::vocabulary::{
    Addresses, DeviceId, DeviceStatus, HostName, Invalid, Label, Name, Network, StreamId, Timestamp,
};
use scan_formats::nmap::{HostNameKind, HostObservation};

use crate::appender::AppendError;
use crate::error::Error;
use crate::event_store::Loaded;
use crate::handle::AppendFault;

/// Why a host is left alone whose address is known on another card: the address may have been given to another device,
/// or the device another card. Taking the one for the other would give a device the findings of a stranger.
const MAC_OF_ANOTHER_DEVICE: &str = "mac-of-another-device";

/// A host as a device could be known by it.
pub(super) struct Sight {
    identifiers: Identifiers,
    profile: Profile,
    seen_at: Timestamp,
    keys: Vec<String>,
}

/// What follows for the device, and what could not.
pub(super) struct Decided {
    pub events: Vec<Event>,
    pub refused: Option<&'static str>,
}

impl Sight {
    pub(super) fn of(host: &HostObservation, seen_at: Timestamp) -> Result<Self, Invalid> {
        let mac = host.mac.as_ref().map(|mac| mac.address);
        let addresses = Addresses::new(host.addresses.iter().copied())?;
        let identifiers = Identifiers::new(Network::default(), addresses, mac, host_name(host))?;
        Ok(Self { keys: keys(&identifiers), identifiers, profile: profile(host), seen_at })
    }

    /// The keys by which the device can be found.
    pub(super) fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Those of many owners that concern this host.
    pub(super) fn owners(&self, of_many: &HashMap<String, StreamId>) -> HashMap<String, StreamId> {
        self.keys.iter().filter_map(|key| Some((key.clone(), *of_many.get(key)?))).collect()
    }

    /// The first key with an owner decides; addresses come before the hardware address.
    pub(super) fn device(&self, owners: &HashMap<String, StreamId>) -> Option<DeviceId> {
        self.keys.iter().find_map(|key| owners.get(key)).map(|owner| DeviceId::new(owner.uuid()))
    }

    /// Only where both are known: what has no hardware address contradicts nothing.
    fn is_another_card(&self, known: &Identifiers) -> bool {
        self.identifiers.mac().zip(known.mac()).is_some_and(|(seen, known)| seen != known)
    }

    pub(super) fn ambiguity(&self, owners: &HashMap<String, StreamId>, device: DeviceId) -> Vec<&'static str> {
        let others = owners.values().any(|owner| owner.uuid() != device.uuid());
        others.then_some("addresses-of-several-devices").into_iter().collect()
    }
}

/// Registers the device, or adds what is new about it; either way it is up.
pub(super) fn decide(
    sight: &Sight,
    before: &Loaded<Device>,
    owners: &HashMap<String, StreamId>,
    device: DeviceId,
    now: Timestamp,
) -> Result<Decided, AppendFault> {
    let first = match &before.state {
        Device::Unregistered if before.version == 0 && owners.is_empty() => Command::Register(Registration {
            profile: sight.profile.clone(),
            ..Registration::new(sight.identifiers.clone())
        }),
        Device::Live(live) if sight.is_another_card(&live.identifiers) => {
            let detail = "the address is that of a device with another hardware address".to_owned();
            return Err(Error::Refused { code: MAC_OF_ANOTHER_DEVICE, detail }.into());
        }
        Device::Live(live) => Command::ChangeIdentifiers(enlarged(sight, &live.identifiers, owners, device)),
        // Its keys were free again the moment it went, so whoever holds them now must be asked for anew.
        Device::Unregistered | Device::Retired => {
            return Err(AppendFault::Store(AppendError::Conflict { stream: device.into(), actual: before.version }));
        }
    };
    let mut events = before.state.decide(first, now).map_err(|refusal| Error::refused(&refusal))?;
    let registered = events.iter().try_fold(before.state.clone(), Device::evolve).map_err(Error::from)?;
    let up = Command::ReportStatus { status: DeviceStatus::Up, seen_at: sight.seen_at };
    let refused = match registered.decide(up, now) {
        Ok(news) => {
            events.extend(news);
            None
        }
        Err(refusal) => Some(refusal.code()),
    };
    Ok(Decided { events, refused })
}

/// What is known, and of what was seen that which is free or the device's own.
fn enlarged(sight: &Sight, known: &Identifiers, owners: &HashMap<String, StreamId>, device: DeviceId) -> Identifiers {
    let network = known.network();
    let free = |key: &str| owners.get(key).is_none_or(|owner| owner.uuid() == device.uuid());
    let news = sight.identifiers.addresses().iter().copied();
    let news = news.filter(|address| free(&Identifiers::address_key(network, *address).key));
    let all = known.addresses().iter().copied().chain(news);
    let addresses = Addresses::new(all).unwrap_or_else(|_| known.addresses().clone());
    let mac = known.mac().or(sight.identifiers.mac());
    let host_name = known.host_name().or(sight.identifiers.host_name()).cloned();
    Identifiers::new(network.clone(), addresses, mac, host_name).unwrap_or_else(|_| known.clone())
}

fn keys(identifiers: &Identifiers) -> Vec<String> {
    let network = identifiers.network();
    let addresses = identifiers.addresses().iter().map(|address| Identifiers::address_key(network, *address));
    let mac = identifiers.mac().map(|mac| Identifiers::mac_key(network, mac));
    addresses.chain(mac).map(|reservation| reservation.key).collect()
}

/// A name that the address itself resolves to says more than one somebody typed.
fn host_name(host: &HostObservation) -> Option<HostName> {
    let of_kind = |kind| host.host_names.iter().find(|name| name.kind == kind);
    let best = of_kind(HostNameKind::Ptr).or(of_kind(HostNameKind::User)).or(of_kind(HostNameKind::Other));
    best.map(|name| name.name.clone())
}

/// A guess at the operating system is a guess; what does not fit the vocabulary is left out.
fn profile(host: &HostObservation) -> Profile {
    let name = |text: &str| Name::parse(text).ok();
    let os = host.operating_system.as_ref();
    let kind = os.and_then(|os| os.device_type.as_deref()).map(|kind| kind.to_ascii_lowercase().replace(' ', "-"));
    let mac_vendor = host.mac.as_ref().and_then(|mac| mac.vendor.as_deref());
    Profile {
        os: os.and_then(|os| name(&os.name)),
        vendor: mac_vendor.or(os.and_then(|os| os.vendor.as_deref())).and_then(name),
        kind: kind.and_then(|kind| Label::parse(&kind).ok()),
        ..Profile::default()
    }
}
