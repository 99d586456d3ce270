//! The network an attempt came from, coarse enough that one attacker cannot be many.
//!
//! A home or office owns an IPv4 /24 or an IPv6 /56 at most in part, and hopping inside it is free.
//! It never decides who may come in: it only says which attempts are counted together.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const IPV4_PREFIX_BYTES: usize = 3;
const IPV6_PREFIX_BYTES: usize = 7;

/// An IPv4 /24 or an IPv6 /56.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkPrefix {
    V4([u8; IPV4_PREFIX_BYTES]),
    V6([u8; IPV6_PREFIX_BYTES]),
}

impl NetworkPrefix {
    /// An IPv4 address that arrives mapped into IPv6 is the same host, so it lands in the same prefix.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g])
            }
        }
    }
}

impl fmt::Display for NetworkPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V4([a, b, c]) => write!(f, "{}/24", Ipv4Addr::new(a, b, c, 0)),
            Self::V6(bytes) => {
                let mut octets = [0; 16];
                octets[..IPV6_PREFIX_BYTES].copy_from_slice(&bytes);
                write!(f, "{}/56", Ipv6Addr::from(octets))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(address: &str) -> String {
        NetworkPrefix::of(address.parse().unwrap()).to_string()
    }

    #[test]
    fn an_ipv4_address_belongs_to_its_24() {
        assert_eq!(prefix("203.0.113.77"), "203.0.113.0/24");
    }

    #[test]
    fn an_ipv6_address_belongs_to_its_56() {
        assert_eq!(prefix("2001:db8:1:23ff::1"), "2001:db8:1:2300::/56");
        assert_ne!(prefix("2001:db8:1:2300::1"), prefix("2001:db8:1:2400::1"));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_clothes_is_the_same_host() {
        assert_eq!(prefix("::ffff:203.0.113.77"), "203.0.113.0/24");
    }
}
