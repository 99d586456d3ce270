//! The two shapes of a deployment on one machine, and which one this run is about.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Ports that one full deployment may take from its first on.
const PORTS_PER_SERVER: u16 = 16;
/// Below what the kernel gives to clients.
const PORTS: std::ops::Range<u16> = 10_000..19_900;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Every service in one process.
    Plain,
    /// `up --full`: processes of their own behind nginx, with Kafka and Redis.
    Full,
}

impl Shape {
    /// `SECURENET_TEST_SHAPE`: `plain`, which is usual, or `full`.
    pub fn of_this_run() -> Self {
        match std::env::var("SECURENET_TEST_SHAPE").as_deref() {
            Err(_) | Ok("plain") => Self::Plain,
            Ok("full") => Self::Full,
            Ok(other) => panic!("SECURENET_TEST_SHAPE is {other}, and neither plain nor full"),
        }
    }

    pub(super) const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[],
            Self::Full => &["--full"],
        }
    }

    /// For the APIs and for the metrics: a full deployment takes several in a row from each.
    pub(super) fn free_ports(self) -> (u16, u16) {
        match self {
            Self::Plain => (super::free_port(), super::free_port()),
            Self::Full => (free_row(), free_row()),
        }
    }
}

/// A place where nobody listens now. Another run begins elsewhere, so that two of them seldom want the same.
fn free_row() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let rows = (PORTS.end - PORTS.start) / PORTS_PER_SERVER;
    let first = (std::process::id() % u32::from(rows)) as u16;
    loop {
        let row = (first + NEXT.fetch_add(1, Ordering::Relaxed)) % rows;
        let port = PORTS.start + row * PORTS_PER_SERVER;
        if (port..port + PORTS_PER_SERVER).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return port;
        }
    }
}
