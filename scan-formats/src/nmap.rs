//! Nmap's XML report (`nmap -oX`), also as Masscan writes it (`masscan -oX`).
//!
//! [`Parser`] yields the run's beginning, each host as it ends, and the run's end; [`findings`] says what a host's open
//! ports and `vulners` results amount to.
//!
//! A port that is `open|filtered` has not answered, so it is no open port. A host is told by its addresses alone, of
//! whichever kind; names are hints. Masscan writes an element `host` for each open port, so the same host may come more
//! than once. Host scripts, traces, fingerprints and what Nmap itself only guessed at (`hosthint`) are passed over.

mod findings;
mod host;
mod observation;
mod parser;
mod port;
mod vulners;

pub use findings::{OPEN_PORT, VULNERABILITY, findings};
pub use observation::{
    Exit, ExtraPorts, Finished, HostNameKind, HostObservation, HostStatus, Mac, OperatingSystem, PortCounts,
    PortObservation, PortState, Record, ScanScope, ScannedHostName, Service, Started, VulnersResult,
};
pub use parser::Parser;

/// The tool family all of this belongs to.
pub const TOOL: &str = "nmap";
/// What a report of this kind is called to people.
pub const FORMAT: &str = "Nmap XML";
/// The parser's own bound; who feeds it may set a lower one.
pub const REPORT_MAX_BYTES: u64 = 1024 * 1024 * 1024;
/// Both TCP and UDP listed in full.
pub const PORTS_PER_HOST_MAX: usize = 2 * 65_536;
/// What a host's observation may keep in memory, all texts counted.
pub const HOST_MAX_BYTES: usize = 24 * 1024 * 1024;
pub const SCRIPTS_PER_PORT_MAX: usize = 256;
pub const VULNERS_PER_PORT_MAX: usize = 4096;
pub const ADDRESSES_PER_HOST_MAX: usize = 64;
pub const HOST_NAMES_PER_HOST_MAX: usize = 64;
pub const CPES_PER_ITEM_MAX: usize = 16;
pub const EXTRA_PORTS_PER_HOST_MAX: usize = 16;
pub const SCOPES_PER_RUN_MAX: usize = 16;
/// A product, a version, a vendor.
pub const TEXT_MAX_BYTES: usize = 512;
/// A command line, a list of ports.
pub const LONG_TEXT_MAX_BYTES: usize = 4096;
