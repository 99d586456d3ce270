//! Answers that cost more to work out than to keep: the dashboard's summary, and how long a filtered list is.
//!
//! An answer is kept under the version of what it was worked out from, so it is never older than what the database would
//! say at that version; a new version is a new key and the old one ages out. Of many callers who miss at
//! once one works it out and the others wait for it. Nothing here outlives the process.

use std::{future::Future, time::Duration};

use bytes::Bytes;
use chrono::NaiveDate;
use moka::future::Cache;
use uuid::Uuid;

use crate::{
    error::Failure,
    page::{QueryIdentity, Total},
    tenant_versions::Version,
    versions::State,
};

/// Bounds an answer's life where something that moves no checkpoint, such as a parked stream, changed it.
const ANSWER_MAX_AGE: Duration = Duration::from_secs(5);

/// What an answer depends on. The day is in it because "per day" moves on at midnight without an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub tenant: Uuid,
    /// What it was worked out from.
    pub version: Version,
    pub today: NaiveDate,
}

/// Summaries by tenant and version.
#[derive(Debug, Clone)]
pub struct SummaryCache(Cache<Key, Bytes>);

impl SummaryCache {
    pub fn new(entries_max: u64) -> Self {
        Self(Cache::builder().max_capacity(entries_max).time_to_live(ANSWER_MAX_AGE).build())
    }

    /// The answer kept under `key`, or the one that `work_out` gives.
    pub async fn get_or(
        &self,
        key: Key,
        work_out: impl Future<Output = Result<Bytes, Failure>>,
    ) -> Result<Bytes, Failure> {
        self.0.try_get_with(key, work_out).await.map_err(Failure::Shared)
    }
}

/// A total may be asked for as long as a list lies open.
const TOTAL_MAX_AGE: Duration = Duration::from_secs(300);
/// Some hundred bytes each.
const TOTALS_MAX_ENTRIES: u64 = 20_000;

/// Totals of lists by question and state of the read models: a new state is a new key.
#[derive(Debug, Clone)]
pub struct TotalCache(Cache<(QueryIdentity, State), Total>);

impl Default for TotalCache {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(TOTALS_MAX_ENTRIES).time_to_live(TOTAL_MAX_AGE).build())
    }
}

impl TotalCache {
    pub async fn get(&self, question: &QueryIdentity, state: State) -> Option<Total> {
        self.0.get(&(question.clone(), state)).await
    }

    pub async fn keep(&self, question: &QueryIdentity, state: State, total: Total) {
        self.0.insert((question.clone(), state), total).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use platform::problem::{Code, Problem};

    use super::*;
    use crate::tenant_versions::At;

    fn key(seq: i64) -> Key {
        let version = Version { epoch: 1, projections: [("summary".to_owned(), At(1, 0, seq))].into() };
        Key { tenant: Uuid::nil(), version, today: NaiveDate::MIN }
    }

    #[tokio::test]
    async fn many_who_miss_at_once_let_one_work_it_out() {
        let cache = SummaryCache::new(10);
        let worked_out = AtomicUsize::new(0);
        let ask = || {
            cache.get_or(key(1), async {
                tokio::task::yield_now().await;
                worked_out.fetch_add(1, Ordering::Relaxed);
                Ok(Bytes::from_static(b"answer"))
            })
        };
        let answers = join_all((0..50).map(|_| ask())).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap() == "answer"));
        assert_eq!(worked_out.into_inner(), 1);
    }

    #[tokio::test]
    async fn a_new_version_is_worked_out_anew_and_a_failure_is_not_kept() {
        let cache = SummaryCache::new(10);
        let failed = cache.get_or(key(1), async { Err(Problem::new(Code::Unavailable).into()) }).await;
        assert!(failed.is_err());
        assert_eq!(cache.get_or(key(1), async { Ok(Bytes::from_static(b"one")) }).await.unwrap(), "one");
        assert_eq!(cache.get_or(key(2), async { Ok(Bytes::from_static(b"two")) }).await.unwrap(), "two");
    }
}
