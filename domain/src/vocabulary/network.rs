//! What a device can be found by, and where on it something listens.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Invalid, kinds::named, text::text};

pub const HOST_NAME_MAX_BYTES: usize = 253;

const HOST_LABEL_MAX_BYTES: usize = 63;
const LATITUDE_MAX_E6: i32 = 90_000_000;
const LONGITUDE_MAX_E6: i32 = 180_000_000;

/// An IP address one device can have, in its canonical form: IPv4-mapped IPv6 is IPv4.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct Address(IpAddr);

impl Address {
    pub fn new(ip: IpAddr) -> Result<Self, Invalid> {
        let ip = ip.to_canonical();
        let of_one_device = !ip.is_unspecified() && !ip.is_multicast() && ip != IpAddr::V4(Ipv4Addr::BROADCAST);
        if of_one_device {
            Ok(Self(ip))
        } else {
            let detail = "must be the address of one device, not unspecified, multicast or broadcast";
            Err(Invalid::new("not-a-device-address", detail))
        }
    }

    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let ip = raw
            .trim()
            .parse()
            .map_err(|_| Invalid::new("malformed-address", "must be an IPv4 or IPv6 address without a zone"))?;
        Self::new(ip)
    }

    pub const fn ip(self) -> IpAddr {
        self.0
    }
}

/// A hardware address of one network card, written `00:1a:2b:3c:4d:5e`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MacAddress([u8; 6]);

impl MacAddress {
    /// Twelve hexadecimal digits, bare or parted by `:`, `-` or (Cisco) `.`.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let malformed = || Invalid::new("malformed-mac", "must be a hardware address like 00:1a:2b:3c:4d:5e");
        let raw = raw.trim();
        let separated = matches!(raw.len(), 12 | 14 | 17)
            && raw.is_ascii()
            && (separator_every(raw, ':', 2)
                || separator_every(raw, '-', 2)
                || separator_every(raw, '.', 4)
                || raw.len() == 12);
        let digits: String = raw.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
        if !separated || digits.len() != 12 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(malformed());
        }
        let number = u64::from_str_radix(&digits, 16).map_err(|_| malformed())?;
        let [_, _, bytes @ ..] = number.to_be_bytes();
        if number == 0 || bytes[0] & 1 == 1 {
            return Err(Invalid::new("not-a-device-mac", "must be the address of one card, not zero or a group"));
        }
        Ok(Self(bytes))
    }

    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }
}

text! {
    /// A DNS or NetBIOS name in lower case, without the final dot.
    HostName, host_name
}

/// A place on earth in millionths of a degree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Coordinates {
    latitude_e6: i32,
    longitude_e6: i32,
}

impl Coordinates {
    pub fn new(latitude_e6: i32, longitude_e6: i32) -> Result<Self, Invalid> {
        let on_earth = (-LATITUDE_MAX_E6..=LATITUDE_MAX_E6).contains(&latitude_e6)
            && (-LONGITUDE_MAX_E6..=LONGITUDE_MAX_E6).contains(&longitude_e6);
        if on_earth {
            Ok(Self { latitude_e6, longitude_e6 })
        } else {
            let detail = "the latitude must lie within ±90 degrees and the longitude within ±180";
            Err(Invalid::new("not-on-earth", detail))
        }
    }

    pub const fn latitude_e6(self) -> i32 {
        self.latitude_e6
    }

    pub const fn longitude_e6(self) -> i32 {
        self.longitude_e6
    }
}

named! {
    /// What carries the conversation.
    Protocol as "unknown-protocol" {
        Tcp = "tcp",
        Udp = "udp",
        Sctp = "sctp",
        Icmp = "icmp",
        Ip = "ip",
    }
}

/// A port number. Zero is allowed: tools report what concerns the whole host there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Port(u16);

impl Port {
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    pub const fn number(self) -> u16 {
        self.0
    }
}

/// Where on a device something listens. A port means nothing without its protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Service {
    pub protocol: Protocol,
    pub port: Option<Port>,
}

impl Service {
    /// From two optional fields, as clients and events write it.
    pub fn parse(protocol: Option<Protocol>, port: Option<Port>) -> Result<Option<Self>, Invalid> {
        match (protocol, port) {
            (None, Some(_)) => Err(Invalid::new("port-without-protocol", "a port needs its protocol")),
            (None, None) => Ok(None),
            (Some(protocol), port) => Ok(Some(Self { protocol, port })),
        }
    }
}

/// `443/tcp`, or `icmp` alone.
impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{port}/{}", self.protocol),
            None => fmt::Display::fmt(&self.protocol, f),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Address {
    type Err = Invalid;

    fn from_str(raw: &str) -> Result<Self, Invalid> {
        Self::parse(raw)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(IpAddr::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for MacAddress {
    type Err = Invalid;

    fn from_str(raw: &str) -> Result<Self, Invalid> {
        Self::parse(raw)
    }
}

impl Serialize for MacAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MacAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = String::deserialize(deserializer)?;
        Self::parse(&raw).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

fn separator_every(raw: &str, separator: char, digits: usize) -> bool {
    let groups = 12 / digits;
    raw.split(separator).count() == groups && raw.split(separator).all(|group| group.len() == digits)
}

fn host_name(raw: &str) -> Result<String, Invalid> {
    let name = raw.trim().strip_suffix('.').unwrap_or(raw.trim()).to_ascii_lowercase();
    let well_formed = name.len() <= HOST_NAME_MAX_BYTES
        && name.parse::<IpAddr>().is_err()
        && name.split('.').all(|label| {
            (1..=HOST_LABEL_MAX_BYTES).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        });
    if well_formed {
        Ok(name)
    } else {
        let detail = "must be a host name: labels of letters, digits, '-' and '_', parted by dots, and no address";
        Err(Invalid::new("malformed-host-name", detail))
    }
}
