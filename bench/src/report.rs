//! The table that is printed: each figure with its unit, beside the limit it is judged by.

use std::fmt;

use crate::limits::Limits;
use crate::load::Load;

pub(crate) struct Report {
    flush_micros: f64,
    rows: Vec<Row>,
}

struct Row {
    what: String,
    figure: String,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    ratio: Option<(f64, &'static str)>,
    target: String,
}

impl Report {
    pub(crate) fn new(flush_micros: f64) -> Self {
        Self { flush_micros, rows: Vec::new() }
    }

    pub(crate) fn limits(&mut self, limits: &Limits) {
        for (what, figure) in [
            ("L1: bare insert, 64 in flight", limits.l1_64),
            ("L1: bare insert, 256 in flight", limits.l1_256),
            ("L2: bare read in order", limits.l2),
        ] {
            self.rate(what, figure, "events/s", None, "");
        }
    }

    /// A rate without latencies.
    pub(crate) fn rate(
        &mut self,
        what: &str,
        figure: f64,
        unit: &str,
        ratio: Option<(f64, &'static str)>,
        target: &str,
    ) {
        self.row(what, format!("{} {unit}", thousands(figure)), None, ratio, target);
    }

    /// A rate with its latencies.
    pub(crate) fn load(
        &mut self,
        what: &str,
        load: &Load,
        unit: &str,
        ratio: Option<(f64, &'static str)>,
        target: &str,
    ) {
        self.row(what, format!("{} {unit}", thousands(load.per_second)), Some(load), ratio, target);
    }

    /// Anything else, already worded.
    pub(crate) fn plain(&mut self, what: &str, figure: String, target: &str) {
        self.row(what, figure, None, None, target);
    }

    fn row(
        &mut self,
        what: &str,
        figure: String,
        load: Option<&Load>,
        ratio: Option<(f64, &'static str)>,
        target: &str,
    ) {
        let millis = |percent| load.map(|load| load.percentile(percent).as_secs_f64() * 1_000.0);
        let row =
            Row { what: what.into(), figure, p50_ms: millis(50.0), p99_ms: millis(99.0), ratio, target: target.into() };
        eprintln!("  {:<52} {}", row.what, row.figure);
        self.rows.push(row);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nflush (8 KiB write + fdatasync, median): {:.0} µs\n", self.flush_micros)?;
        writeln!(f, "| what | figure | p50 ms | p99 ms | ratio | target |\n|---|---|---|---|---|---|")?;
        let millis = |value: Option<f64>| value.map(|ms| format!("{ms:.1}")).unwrap_or_default();
        for row in &self.rows {
            let ratio = row.ratio.map(|(ratio, of)| format!("{ratio:.2} × {of}")).unwrap_or_default();
            let (p50, p99) = (millis(row.p50_ms), millis(row.p99_ms));
            writeln!(f, "| {} | {} | {p50} | {p99} | {ratio} | {} |", row.what, row.figure, row.target)?;
        }
        Ok(())
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
