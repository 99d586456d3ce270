//! A closed loop: so many callers, each asking again as soon as it was answered. Latencies are kept in full, so that a
//! percentile is one that was measured.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a load came to.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub per_second: f64,
    /// In µs, ascending.
    latencies: Vec<u32>,
}

impl Load {
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * percent / 100.0).round() as usize;
        Duration::from_micros(self.latencies.get(at).copied().unwrap_or_default().into())
    }

    pub(crate) fn of(latencies: Vec<u32>, took: Duration) -> Self {
        let mut latencies = latencies;
        latencies.sort_unstable();
        Self { per_second: latencies.len() as f64 / took.as_secs_f64(), latencies }
    }
}

/// Runs `callers` of them for `duration` after a warm-up of a fifth of it. `ask` is told which caller asks.
pub(crate) async fn closed_loop<F, A, E>(callers: usize, duration: Duration, ask: F) -> Result<Load, E>
where
    F: Fn(usize) -> A + Send + Sync + 'static,
    A: Future<Output = Result<(), E>> + Send,
    E: Send + 'static,
{
    let ask = Arc::new(ask);
    let begin = Instant::now() + duration / 5;
    let end = begin + duration;
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let ask = ask.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                loop {
                    let asked = Instant::now();
                    if asked >= end {
                        return Ok(latencies);
                    }
                    ask(caller).await?;
                    if asked >= begin {
                        latencies.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
                    }
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        match task.await {
            Ok(latencies) => all.extend(latencies?),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
    Ok(Load::of(all, duration))
}
