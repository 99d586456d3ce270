//! Memory does not grow with the report. A binary of its own, because it measures the process it runs in.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected should stop right there")]

use std::{
    fmt::Write,
    io::{BufReader, Read},
};

use scan_formats::nmap::{Parser, Record};

const HOSTS: u32 = 100_000;
/// Far less than the hosts would take together.
const GROWTH_MAX_KIB: u64 = 8 * 1024;

/// Writes hosts as they are asked for, so that the report itself is never in memory.
struct Generated {
    pending: Vec<u8>,
    taken: usize,
    next_host: u32,
}

impl Generated {
    fn new() -> Self {
        Self {
            pending: b"<?xml version=\"1.0\"?><nmaprun scanner=\"nmap\" version=\"7.94\">".to_vec(),
            taken: 0,
            next_host: 0,
        }
    }

    fn write_host(&mut self) {
        let mut text = String::new();
        if self.next_host < HOSTS {
            let address = std::net::Ipv4Addr::from_bits((10 << 24) + 1 + self.next_host);
            let _ = write!(
                text,
                "<host><status state=\"up\" reason=\"syn-ack\"/><address addr=\"{address}\" addrtype=\"ipv4\"/><ports>"
            );
            for port in [22, 443] {
                let _ = write!(
                    text,
                    "<port protocol=\"tcp\" portid=\"{port}\"><state state=\"open\" reason=\"syn-ack\"/>\
                     <service name=\"https\" product=\"nginx\" method=\"probed\"/></port>"
                );
            }
            text.push_str("</ports></host>\n");
        } else if self.next_host == HOSTS {
            text.push_str("<runstats><hosts up=\"100000\" down=\"0\" total=\"100000\"/></runstats></nmaprun>");
        }
        self.next_host += 1;
        self.pending = text.into_bytes();
        self.taken = 0;
    }
}

impl Read for Generated {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.taken == self.pending.len() {
            self.write_host();
        }
        let count = (&self.pending[self.taken..]).read(into)?;
        self.taken += count;
        Ok(count)
    }
}

/// The most memory this process ever held, as the kernel counted it.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_hundred_thousand_hosts_pass_through_bounded_memory() {
    let before = peak_kib();
    let (mut hosts, mut findings) = (0, 0);
    for record in Parser::new(BufReader::new(Generated::new())) {
        match record.unwrap() {
            Record::Host(host) => {
                hosts += 1;
                findings += scan_formats::nmap::findings(&host).len();
            }
            Record::Started(_) => {}
            Record::Finished(finished) => assert_eq!(finished.hosts_up, u64::from(HOSTS)),
        }
    }
    assert_eq!((hosts, findings), (HOSTS, 2 * HOSTS as usize));
    let growth = peak_kib() - before;
    assert!(growth < GROWTH_MAX_KIB, "grew by {growth} KiB");
}
