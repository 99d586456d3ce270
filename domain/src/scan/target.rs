//! What a scan is declared to look at: a host name, an address, or a range of addresses.
//!
//! It knows no other notation of any tool, and never looks a name up.

use std::net::IpAddr;

use crate::vocabulary::{Address, HostName, Invalid, Name};

/// One declared target in its canonical form: names in lower case, ranges by their first address.
pub fn target(raw: &str) -> Result<Name, Invalid> {
    let raw = raw.trim();
    let canonical = match raw.split_once('/') {
        Some((ip, length)) => range(ip, length),
        None => Address::parse(raw).ok().map(|address| address.to_string()).or_else(|| host_name(raw)),
    };
    let detail = "must be a host name, an address, or a range like 10.0.0.0/24";
    canonical.and_then(|target| Name::parse(&target).ok()).ok_or_else(|| Invalid::new("malformed-target", detail))
}

/// The bits behind the prefix say nothing, so they are dropped: the same range is the same text.
fn range(ip: &str, length: &str) -> Option<String> {
    let plain = (1..=3).contains(&length.len()) && length.bytes().all(|byte| byte.is_ascii_digit());
    let length: u32 = plain.then(|| length.parse().ok())??;
    let first = match ip.parse().ok()? {
        IpAddr::V4(ip) if length <= u32::BITS => {
            IpAddr::from((ip.to_bits() & u32::MAX.checked_shl(u32::BITS - length).unwrap_or(0)).to_be_bytes())
        }
        IpAddr::V6(ip) if length <= u128::BITS => {
            IpAddr::from((ip.to_bits() & u128::MAX.checked_shl(u128::BITS - length).unwrap_or(0)).to_be_bytes())
        }
        IpAddr::V4(_) | IpAddr::V6(_) => return None,
    };
    Some(format!("{first}/{length}"))
}

/// No host name ends in a number: that is an address with a mistake in it.
fn host_name(raw: &str) -> Option<String> {
    let name = HostName::parse(raw).ok()?;
    let last = name.as_str().rsplit('.').next().unwrap_or_default();
    (!last.bytes().all(|byte| byte.is_ascii_digit())).then(|| name.to_string())
}
