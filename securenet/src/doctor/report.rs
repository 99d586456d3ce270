//! Findings for people, as a table, and for programs, as JSON lines.

use std::fmt::Write;

use super::finding::{Finding, Level};

/// The worst first, each with the line that mends it below; what is well in the end, in one line each.
pub(super) fn table(findings: &[Finding]) -> String {
    let mut sorted: Vec<_> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    let wide = |of: fn(&Finding) -> usize| sorted.iter().map(|finding| of(finding)).max().unwrap_or(0);
    let (check, subject) = (wide(|finding| finding.check.len()), wide(|finding| finding.subject.len()));
    let mut text = String::new();
    for Finding { level, check: about, subject: what, says, mend } in &sorted {
        writeln!(text, "{:<4}  {about:<check$}  {what:<subject$}  {says}", level.word()).expect("a string takes all");
        if let Some(mend) = mend {
            writeln!(text, "      {:<check$}  {:<subject$}  → {mend}", "", "").expect("a string takes all");
        }
    }
    let count = |level| sorted.iter().filter(|finding| finding.level == level).count();
    writeln!(text, "\n{} bad, {} to look at, {} noted", count(Level::Bad), count(Level::Warning), count(Level::Note))
        .expect("a string takes all");
    text
}

pub(super) fn json_lines(findings: &[Finding]) -> String {
    let line = |finding| serde_json::to_string(finding).expect("a finding is plain text") + "\n";
    findings.iter().map(line).collect()
}
