//! Scanner report parsers: bytes in, observations out.
//!
//! One module per format with the same names inside: `TOOL`, `Parser` (an iterator over a reader), `Record`, and
//! `findings`, the pure translation of what was seen into findings. What formats share is in [`report`]; what XML
//! formats share (limits, entities, document types) is in the private module `xml`.
//!
//! Nothing here opens a file, knows a tenant, or decides anything: parsers hold one host at a time, whatever the size of
//! the report, and a record that makes no sense is quarantined, never the report.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that meets the unexpected should stop right there"))]

pub mod nmap;
pub mod report;
mod xml;
