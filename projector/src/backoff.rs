//! Waiting for what is away: longer from failure to failure, and said once.

use std::time::Duration;

use crate::event::Fault;

const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(crate) struct Backoff {
    last: Option<Duration>,
}

impl Backoff {
    /// How long to wait now.
    pub(crate) fn failed(&mut self, error: &dyn std::error::Error, what: &str) -> Duration {
        let pause = self.last.map_or(BACKOFF_FIRST, |last| (last * 2).min(BACKOFF_MAX));
        if self.last.replace(pause).is_none() {
            tracing::warn!(error = %Fault::of(error).0, what, "the projector waits and tries again");
        }
        pause
    }

    pub(crate) fn recovered(&mut self, what: &str) {
        if self.last.take().is_some() {
            tracing::info!(what, "the projector goes on");
        }
    }
}
