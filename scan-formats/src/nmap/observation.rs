//! What an Nmap report says, each part parsed into a type that cannot be wrong.
//!
//! Nothing here judges: a port is what Nmap calls it, and nothing is a finding yet.

use domain::vocabulary::{Address, CvssScore, HostName, MacAddress, Port, Protocol, Timestamp};

use crate::report::Quarantine;

/// What comes out of a report, in the order of the report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    Started(Started),
    Host(HostObservation),
    Finished(Finished),
}

/// The run as it announced itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Started {
    /// `nmap`, or whoever writes its format.
    pub scanner: String,
    pub version: Option<String>,
    /// The command line.
    pub args: Option<String>,
    pub started_at: Option<Timestamp>,
    pub scopes: Vec<ScanScope>,
}

/// Which ports were asked, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScanScope {
    /// `syn`, `connect`, `udp` …
    pub technique: String,
    pub protocol: Option<Protocol>,
    pub ports: Option<u32>,
    /// As Nmap writes it, `1-1024,3306`; cut if it is very long.
    pub services: Option<String>,
}

/// The run as it ended. A report without one was interrupted or written by a tool that keeps no count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finished {
    pub finished_at: Option<Timestamp>,
    pub hosts_up: u64,
    pub hosts_down: u64,
    pub exit: Exit,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Masscan and old versions of Nmap do not say.
    Unstated,
    Success,
    Error(String),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostObservation {
    /// Where the host's element begins, counted in bytes from the start of the report.
    pub position: u64,
    pub status: HostStatus,
    /// Why Nmap thinks so. `user-set` means that it did not look (`-Pn`).
    pub status_reason: Option<String>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// IPv4 and IPv6, each once.
    pub addresses: Vec<Address>,
    pub mac: Option<Mac>,
    pub host_names: Vec<ScannedHostName>,
    pub operating_system: Option<OperatingSystem>,
    pub ports: Vec<PortObservation>,
    /// Ports that are counted by state instead of listed.
    pub extra_ports: Vec<ExtraPorts>,
    /// What made no sense and was left out of the above.
    pub quarantine: Quarantine,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostStatus {
    Up,
    Down,
    Unknown,
    Skipped,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mac {
    pub address: MacAddress,
    pub vendor: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScannedHostName {
    pub name: HostName,
    pub kind: HostNameKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostNameKind {
    /// As it was given on the command line.
    User,
    /// As the address resolves in reverse.
    Ptr,
    Other,
}

/// The best match of the TCP/IP fingerprint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OperatingSystem {
    pub name: String,
    /// In percent.
    pub accuracy: u8,
    pub vendor: Option<String>,
    pub family: Option<String>,
    /// `general purpose`, `router`, `printer` …
    pub device_type: Option<String>,
    pub cpes: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortObservation {
    pub protocol: Protocol,
    pub port: Port,
    pub state: PortState,
    pub reason: Option<String>,
    /// Boxed because a host may list very many ports that say nothing about a service.
    pub service: Option<Box<Service>>,
    pub vulners: Vec<VulnersResult>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PortState {
    Open,
    /// No answer, which an open UDP port may well give.
    OpenFiltered,
    Closed,
    ClosedFiltered,
    Filtered,
    Unfiltered,
}

#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Service {
    pub name: Option<String>,
    pub product: Option<String>,
    pub version: Option<String>,
    pub extra_info: Option<String>,
    /// `ssl` where the service speaks through TLS.
    pub tunnel: Option<String>,
    /// Whether somebody asked the service, or its number was looked up in a table.
    pub probed: bool,
    pub cpes: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExtraPorts {
    pub state: PortState,
    pub count: u32,
}

/// What `vulners` knows about one product found at a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VulnersResult {
    /// A CVE name in capitals, or another database's own name.
    pub id: String,
    pub cvss_score: Option<CvssScore>,
    /// `cve`, `exploitdb`, `packetstorm` …
    pub kind: Option<String>,
    pub is_exploit: bool,
    /// What was looked up: a CPE, or product and version.
    pub product: Option<String>,
}

/// A host's ports by what they amount to, the merely counted ones included.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct PortCounts {
    pub open: u64,
    pub open_filtered: u64,
    pub other: u64,
}

impl HostObservation {
    /// Whether there is anything to know the host again by.
    pub const fn is_identified(&self) -> bool {
        !self.addresses.is_empty() || self.mac.is_some()
    }

    /// Whether the host itself gave a sign of life. With `-Pn` Nmap calls every address up, also those where nobody is.
    pub fn has_answered(&self) -> bool {
        let told = self.status_reason.as_deref() == Some("user-set");
        let answering = |state| matches!(state, PortState::Open | PortState::Closed | PortState::Unfiltered);
        self.status == HostStatus::Up
            && (!told
                || self.mac.is_some()
                || self.ports.iter().any(|port| answering(port.state))
                || self.extra_ports.iter().any(|extra| answering(extra.state)))
    }

    pub fn port_counts(&self) -> PortCounts {
        let listed = self.ports.iter().map(|port| (port.state, 1));
        let counted = self.extra_ports.iter().map(|extra| (extra.state, u64::from(extra.count)));
        let mut counts = PortCounts::default();
        for (state, count) in listed.chain(counted) {
            match state {
                PortState::Open => counts.open += count,
                PortState::OpenFiltered => counts.open_filtered += count,
                PortState::Closed | PortState::ClosedFiltered | PortState::Filtered | PortState::Unfiltered => {
                    counts.other += count
                }
            }
        }
        counts
    }
}

impl PortState {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "open" => Self::Open,
            "open|filtered" => Self::OpenFiltered,
            "closed" => Self::Closed,
            "closed|filtered" => Self::ClosedFiltered,
            "filtered" => Self::Filtered,
            "unfiltered" => Self::Unfiltered,
            _ => return None,
        })
    }
}

impl HostStatus {
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "up" => Self::Up,
            "down" => Self::Down,
            "skipped" => Self::Skipped,
            _ => Self::Unknown,
        }
    }
}
