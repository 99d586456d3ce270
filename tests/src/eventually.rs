//! Waiting: for a position, or for an effect that time alone brings about. Never for time itself.

use std::future::Future;
use std::time::{Duration, Instant};

use reqwest::Method;

use crate::callers::{Answer, Client, send};

/// Well past what the slowest machine of ours needs; only a failure takes as long.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Asks for what is at least as new as `position`, once: within its wait the server either has it or says 425.
pub async fn get_at(client: &Client, path: &str, position: &str) -> Answer {
    send(client.request(Method::GET, path).header("x-consistency", position)).await
}

/// The same, and asks again while the answer is 425: for machines under a load that is not the subject.
pub async fn see(client: &Client, path: &str, position: &str) -> Answer {
    let started = Instant::now();
    loop {
        let answer = get_at(client, path, position).await;
        if answer.status != 425 {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "{path} does not reach {position} within {PATIENCE:?}");
    }
}

/// Looks until there is something to see. `what` is told when there never is.
pub async fn until<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
