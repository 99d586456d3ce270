//! What every process tells of itself under the names that dashboards expect: memory, processor time, open files, start.
//!
//! Read from `/proc` at each scrape; where there is none, nothing is told. It measures no other process.

use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, Registry};

/// The kernel tells times to programs in hundredths of a second, on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;
/// In `/proc/self/stat`, counted from the field after the program's name, which may itself hold spaces.
const USER_TICKS: usize = 11;
const SYSTEM_TICKS: usize = 12;
const START_TICKS: usize = 19;

/// Registered once a process.
pub fn register(registry: &Registry) -> Result<(), prometheus::Error> {
    registry.register(Box::new(Process::new()?))
}

struct Process {
    /// `process_cpu_seconds_total`: processor time used, in user mode and in the kernel.
    cpu_seconds: Counter,
    /// `process_resident_memory_bytes`: memory that is in use right now.
    resident_bytes: Gauge,
    /// `process_virtual_memory_bytes`: memory that is reserved.
    virtual_bytes: Gauge,
    /// `process_open_fds`: open files, sockets among them.
    open_files: Gauge,
    /// `process_max_fds`: how many it may open.
    files_max: Gauge,
    /// `process_threads`: threads of the process.
    threads: Gauge,
    /// `process_start_time_seconds`: when it started, since 1970.
    start_seconds: Gauge,
}

impl Process {
    fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            cpu_seconds: Counter::new("process_cpu_seconds_total", "Processor time used.")?,
            resident_bytes: Gauge::new("process_resident_memory_bytes", "Memory in use.")?,
            virtual_bytes: Gauge::new("process_virtual_memory_bytes", "Memory reserved.")?,
            open_files: Gauge::new("process_open_fds", "Open files and sockets.")?,
            files_max: Gauge::new("process_max_fds", "How many files and sockets may be open.")?,
            threads: Gauge::new("process_threads", "Threads of the process.")?,
            start_seconds: Gauge::new("process_start_time_seconds", "When the process started, since 1970.")?,
        })
    }

    fn look(&self) -> Option<()> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let fields: Vec<f64> =
            stat.rsplit_once(')')?.1.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect();
        let used = (fields.get(USER_TICKS)? + fields.get(SYSTEM_TICKS)?) / TICKS_PER_SECOND;
        self.cpu_seconds.inc_by((used - self.cpu_seconds.get()).max(0.0));
        let system = fs::read_to_string("/proc/stat").ok()?;
        self.start_seconds.set(number_after(&system, "btime ")? + fields.get(START_TICKS)? / TICKS_PER_SECOND);
        let status = fs::read_to_string("/proc/self/status").ok()?;
        self.resident_bytes.set(number_after(&status, "VmRSS:")? * 1024.0);
        self.virtual_bytes.set(number_after(&status, "VmSize:")? * 1024.0);
        self.threads.set(number_after(&status, "Threads:")?);
        let limits = fs::read_to_string("/proc/self/limits").ok()?;
        self.files_max.set(number_after(&limits, "Max open files ")?);
        self.open_files.set(fs::read_dir("/proc/self/fd").ok()?.count() as f64);
        Some(())
    }

    fn parts(&self) -> [&dyn Collector; 7] {
        [
            &self.cpu_seconds,
            &self.resident_bytes,
            &self.virtual_bytes,
            &self.open_files,
            &self.files_max,
            &self.threads,
            &self.start_seconds,
        ]
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.parts().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        match self.look() {
            Some(()) => self.parts().into_iter().flat_map(Collector::collect).collect(),
            None => Vec::new(),
        }
    }
}

/// The first number on the line that begins so.
fn number_after(text: &str, start: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(start))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;

    use super::*;

    #[test]
    fn a_process_tells_what_the_system_knows_of_it() {
        let registry = Registry::new();
        register(&registry).unwrap();
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let value = |name: &str| number_after(&text, &format!("{name} ")).unwrap();
        assert!(value("process_resident_memory_bytes") > 1_000_000.0);
        assert!(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"));
        assert!(value("process_open_fds") >= 3.0 && value("process_max_fds") >= value("process_open_fds"));
        assert!(value("process_start_time_seconds") > 1.7e9 && value("process_threads") >= 1.0);
        assert!(value("process_cpu_seconds_total") >= 0.0);
    }
}
