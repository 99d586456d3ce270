//! The written events of a device.

pub mod v1;

use domain::device::{Event, Identifiers, Profile, Registration};
use domain::vocabulary::{
    Address, Addresses, Coordinates, Criticality, DeviceStatus, HostName, Label, MacAddress, Metadata, Name, Network,
    Timestamp,
};

use crate::codec::{EncodeError, Recorded, SealContext};
use crate::family::written_events;
use crate::parse::{Broken, each, in_field, optional, text};

written_events! {
    Device in crate::Written = crate::Written::Device {
        "device.registered" => Registered(v1::Registered) 1;
        "device.identifiers-changed" => IdentifiersChanged(v1::IdentifiersChanged) 1;
        "device.status-reported" => StatusReported(v1::StatusReported) 1;
        "device.retired" => Retired(v1::Retired) 1;
    }
}

impl Recorded for Event {
    fn write(&self, _: &SealContext<'_>) -> Result<crate::Written, EncodeError> {
        Ok(crate::Written::Device(match self {
            Self::Registered(registration) => Written::Registered(v1::Registered {
                identifiers: written_identifiers(&registration.identifiers),
                profile: written_profile(&registration.profile),
                criticality: registration.criticality.to_string(),
                metadata: registration.metadata.as_map().clone(),
            }),
            Self::IdentifiersChanged(identifiers) => {
                Written::IdentifiersChanged(v1::IdentifiersChanged { identifiers: written_identifiers(identifiers) })
            }
            Self::StatusReported { status, seen_at } => {
                Written::StatusReported(v1::StatusReported { status: status.to_string(), seen_at: seen_at.micros() })
            }
            Self::Retired => Written::Retired(v1::Retired {}),
        }))
    }

    fn read(written: crate::Written) -> Result<Self, Broken> {
        let crate::Written::Device(written) = written else {
            return Err(Broken::of_another_kind("a device", written.type_name()));
        };
        Ok(match written {
            Written::Registered(event) => Self::Registered(Registration {
                identifiers: identifiers(&event.identifiers)?,
                profile: profile(&event.profile)?,
                criticality: text("/criticality", &event.criticality, Criticality::parse)?,
                metadata: Metadata::parse(event.metadata).map_err(in_field("/metadata"))?,
            }),
            Written::IdentifiersChanged(event) => Self::IdentifiersChanged(identifiers(&event.identifiers)?),
            Written::StatusReported(event) => Self::StatusReported {
                status: text("/status", &event.status, DeviceStatus::parse)?,
                seen_at: Timestamp::from_micros(event.seen_at),
            },
            Written::Retired(v1::Retired {}) => Self::Retired,
        })
    }
}

fn written_identifiers(identifiers: &Identifiers) -> v1::Identifiers {
    v1::Identifiers {
        network: identifiers.network().to_string(),
        addresses: identifiers.addresses().iter().map(ToString::to_string).collect(),
        mac: identifiers.mac().map(|mac| mac.to_string()),
        host_name: identifiers.host_name().map(ToString::to_string),
    }
}

fn written_profile(profile: &Profile) -> v1::Profile {
    v1::Profile {
        name: profile.name.as_ref().map(ToString::to_string),
        kind: profile.kind.as_ref().map(ToString::to_string),
        vendor: profile.vendor.as_ref().map(ToString::to_string),
        model: profile.model.as_ref().map(ToString::to_string),
        os: profile.os.as_ref().map(ToString::to_string),
        place: profile.place.as_ref().map(ToString::to_string),
        latitude_e6: profile.coordinates.map(Coordinates::latitude_e6),
        longitude_e6: profile.coordinates.map(Coordinates::longitude_e6),
    }
}

fn identifiers(written: &v1::Identifiers) -> Result<Identifiers, Broken> {
    let addresses = each("/identifiers/addresses", &written.addresses, Address::parse)?;
    Identifiers::new(
        text("/identifiers/network", &written.network, Network::parse)?,
        Addresses::new(addresses).map_err(in_field("/identifiers/addresses"))?,
        optional("/identifiers/mac", written.mac.as_ref(), MacAddress::parse)?,
        optional("/identifiers/host_name", written.host_name.as_ref(), HostName::parse)?,
    )
    .map_err(in_field("/identifiers"))
}

fn profile(written: &v1::Profile) -> Result<Profile, Broken> {
    Ok(Profile {
        name: optional("/profile/name", written.name.as_ref(), Name::parse)?,
        kind: optional("/profile/type", written.kind.as_ref(), Label::parse)?,
        vendor: optional("/profile/vendor", written.vendor.as_ref(), Name::parse)?,
        model: optional("/profile/model", written.model.as_ref(), Name::parse)?,
        os: optional("/profile/os", written.os.as_ref(), Name::parse)?,
        place: optional("/profile/place", written.place.as_ref(), Name::parse)?,
        coordinates: coordinates(written)?,
    })
}

fn coordinates(written: &v1::Profile) -> Result<Option<Coordinates>, Broken> {
    match (written.latitude_e6, written.longitude_e6) {
        (None, None) => Ok(None),
        (Some(latitude), Some(longitude)) => {
            Coordinates::new(latitude, longitude).map(Some).map_err(in_field("/profile/latitude_e6"))
        }
        (Some(_), None) => Err(Broken::new("/profile/longitude_e6", "a latitude needs its longitude")),
        (None, Some(_)) => Err(Broken::new("/profile/latitude_e6", "a longitude needs its latitude")),
    }
}
