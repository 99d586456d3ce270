//! Reports as Nmap writes them, made to measure: one host, or a hundred thousand that are never in memory together.

use bytes::Bytes;
use futures_util::stream;

pub(crate) const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -oX - 10.0.0.0/8" start="1700000000" version="7.94" xmloutputversion="1.05">
"#;
pub(crate) const TAIL: &str = r#"<runstats><finished time="1700000006" elapsed="6.01" exit="success"/></runstats>
</nmaprun>
"#;

/// A whole report around some hosts.
pub(crate) fn report(hosts: &str) -> String {
    format!("{HEAD}{hosts}{TAIL}")
}

/// A host that is up, with open TCP ports.
pub(crate) fn host(address: &str, ports: &[u16]) -> String {
    let kind = if address.contains(':') { "ipv6" } else { "ipv4" };
    let ports: String = ports.iter().map(|port| open_port(*port)).collect();
    format!(
        r#"<host starttime="1700000000" endtime="1700000005"><status state="up" reason="echo-reply" reason_ttl="64"/>
<address addr="{address}" addrtype="{kind}"/>
<ports>{ports}</ports>
</host>
"#
    )
}

pub(crate) fn down(address: &str) -> String {
    format!(
        r#"<host><status state="down" reason="no-response" reason_ttl="0"/><address addr="{address}" addrtype="ipv4"/></host>
"#
    )
}

fn open_port(port: u16) -> String {
    format!(
        r#"<port protocol="tcp" portid="{port}"><state state="open" reason="syn-ack" reason_ttl="64"/><service name="http" method="table" conf="3"/></port>"#
    )
}

/// The `index`th address below 10.0.0.0/8.
pub(crate) fn address(index: u32) -> String {
    format!("10.{}.{}.{}", index >> 16 & 0xff, index >> 8 & 0xff, index & 0xff)
}

/// A host that is down and yet has much to tell.
pub(crate) fn down_at_length(address: &str, bytes: usize) -> String {
    let output = "blah ".repeat(bytes / 5);
    down(address)
        .replace("</host>", &format!(r#"<hostscript><script id="talk" output="{output}"/></hostscript></host>"#))
}

/// A body of unknown length: head, pieces as they are asked for, tail.
pub(crate) fn streamed(pieces: impl Iterator<Item = Bytes> + Send + 'static) -> reqwest::Body {
    let (head, tail) = (Bytes::from_static(HEAD.as_bytes()), Bytes::from_static(TAIL.as_bytes()));
    let whole = std::iter::once(head).chain(pieces).chain(std::iter::once(tail));
    reqwest::Body::wrap_stream(stream::iter(whole.map(Ok::<_, std::io::Error>)))
}
