//! Whose address counts as the client's: the rightmost one that no proxy of ours wrote.
//!
//! Without a list of proxies nothing a client writes into `X-Forwarded-For` counts.

use std::net::IpAddr;
use std::str::FromStr;

/// Networks whose word about the client's address is taken, `10.0.0.0/8, 127.0.0.1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address or network (10.0.0.0/8)")]
pub struct NotAProxyList(String);

impl FromStr for TrustedProxies {
    type Err = NotAProxyList;

    fn from_str(text: &str) -> Result<Self, NotAProxyList> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl TrustedProxies {
    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix_bits).unwrap_or(0);
                (ours.to_bits() ^ theirs.to_bits()) & mask == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix_bits).unwrap_or(0);
                (ours.to_bits() ^ theirs.to_bits()) & mask == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// The rightmost untrusted rule. A part that is no address ends the walk: left of it anything may stand.
pub(super) fn client<'a>(
    peer: IpAddr,
    forwarded: impl Iterator<Item = &'a str>,
    proxies: Option<&TrustedProxies>,
) -> IpAddr {
    let mut client = peer.to_canonical();
    let Some(proxies) = proxies else { return client };
    let named: Vec<&str> = forwarded.flat_map(|line| line.split(',')).map(str::trim).collect();
    for text in named.into_iter().rev() {
        if !proxies.contain(client) {
            break;
        }
        match text.parse::<IpAddr>() {
            Ok(address) => client = address.to_canonical(),
            Err(_) => break,
        }
    }
    client
}

fn network(text: &str) -> Result<Network, NotAProxyList> {
    let fault = || NotAProxyList(text.to_owned());
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| fault())?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| fault())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let prefix_bits = bits.unwrap_or(most);
    if prefix_bits > most { Err(fault()) } else { Ok(Network { address, prefix_bits }) }
}
