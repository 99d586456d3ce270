//! `RateLimit-Policy` and `RateLimit` as structured fields (RFC 9651): lists of names with integers.

use std::fmt::Write;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::Verdict;
use crate::problem::{Code, Problem};

pub(super) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(super) const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What an answer says of the limits: each policy's quota `q` and window `w` in seconds, and of each what remains (`r`) and
/// in how many seconds everything will (`t`).
pub(super) fn add(headers: &mut HeaderMap, verdict: &Verdict) {
    if verdict.counts.is_empty() {
        return;
    }
    let (mut policies, mut limits) = (String::new(), String::new());
    for (class, limit, count) in &verdict.counts {
        let comma = if policies.is_empty() { "" } else { ", " };
        let (name, quota, window) = (class.as_str(), limit.burst(), limit.window_seconds());
        let (left, full) = (count.remaining, seconds(count.full.as_micros()));
        // Writing into a string does not fail.
        write!(policies, "{comma}\"{name}\";q={quota};w={window}").ok();
        write!(limits, "{comma}\"{name}\";r={left};t={full}").ok();
    }
    // Names of ours and digits: both are header text.
    for (name, text) in [(RATELIMIT_POLICY, policies), (RATELIMIT, limits)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}

/// What a refused request reads.
pub(super) fn problem(verdict: &Verdict) -> Problem {
    let wait = verdict.counts.iter().map(|(.., count)| count.retry).max().unwrap_or_default();
    let retry_after = u32::try_from(seconds(wait.as_micros())).unwrap_or(u32::MAX).max(1);
    let refusing = verdict.counts.iter().find(|(.., count)| !count.retry.is_zero());
    let class = refusing.map_or("unknown", |(class, ..)| class.as_str());
    Problem::new(Code::RateLimited)
        .detail(format!("There were too many requests of this {class}."))
        .retry_after(retry_after)
}

fn seconds(micros: u128) -> u64 {
    u64::try_from(micros.div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
