//! What a device is known by, and what is known about it.
//!
//! Which of two devices an address means is not decided here: addresses are unique per network, and the store holds them.

use serde::{Deserialize, Serialize};

use crate::{
    decider::Reservation,
    vocabulary::{
        Address, Addresses, Coordinates, Criticality, HostName, Invalid, Label, MacAddress, Metadata, Name, Network,
    },
};

/// At least one of addresses, hardware address and host name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Identifiers {
    network: Network,
    addresses: Addresses,
    mac: Option<MacAddress>,
    host_name: Option<HostName>,
}

impl Identifiers {
    pub fn new(
        network: Network,
        addresses: Addresses,
        mac: Option<MacAddress>,
        host_name: Option<HostName>,
    ) -> Result<Self, Invalid> {
        if addresses.is_empty() && mac.is_none() && host_name.is_none() {
            let detail = "a device needs an address, a hardware address or a host name";
            return Err(Invalid::new("no-identifier", detail));
        }
        Ok(Self { network, addresses, mac, host_name })
    }

    /// The same in another network.
    #[must_use]
    pub fn within(self, network: Network) -> Self {
        Self { network, ..self }
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    pub fn mac(&self) -> Option<MacAddress> {
        self.mac
    }

    pub fn host_name(&self) -> Option<&HostName> {
        self.host_name.as_ref()
    }

    /// The keys no other device of the organization may hold. A hardware address counts only where there is no IP
    /// address: cloned machines and bonded cards share one.
    pub fn reservations(&self) -> Vec<Reservation> {
        let network = &self.network;
        match self.mac {
            Some(mac) if self.addresses.is_empty() => vec![Self::mac_key(network, mac)],
            Some(_) | None => self.addresses.iter().map(|address| Self::address_key(network, *address)).collect(),
        }
    }

    /// The key a device with this address holds; also how a scan finds the device behind it.
    pub fn address_key(network: &Network, address: Address) -> Reservation {
        Reservation::tenant(format!("address:{network}:{address}"))
    }

    /// The key a device without an IP address holds.
    pub fn mac_key(network: &Network, mac: MacAddress) -> Reservation {
        Reservation::tenant(format!("mac:{network}:{mac}"))
    }
}

/// What people and scanners say about a device. No decision hangs on it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Profile {
    pub name: Option<Name>,
    pub kind: Option<Label>,
    pub vendor: Option<Name>,
    pub model: Option<Name>,
    pub os: Option<Name>,
    pub place: Option<Name>,
    pub coordinates: Option<Coordinates>,
}

/// All that is said when a device is first registered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registration {
    pub identifiers: Identifiers,
    pub profile: Profile,
    pub criticality: Criticality,
    pub metadata: Metadata,
}

impl Registration {
    /// The least one can say: all else is optional.
    pub fn new(identifiers: Identifiers) -> Self {
        Self {
            identifiers,
            profile: Profile::default(),
            criticality: Criticality::default(),
            metadata: Metadata::default(),
        }
    }
}
