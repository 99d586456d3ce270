//! What became of commands whose call was lost. The orphaned backend may still wait for a lock and commit later: it is
//! ended first, and only then is the log asked. Never answers before both are certain.

use std::collections::HashMap;
use std::time::Duration;

use domain::vocabulary::Timestamp;
use sqlx::postgres::PgConnectOptions;
use tokio::time::{Instant, sleep, timeout_at};

use super::Waiting;
use super::call::{Backend, Line};

/// After this long without an answer the commands' outcome is unknown, and they are told so.
pub(super) const FIND_OUT_MAX: Duration = Duration::from_secs(8);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A fresh connection, and which commands of the batch were committed after all, by their place in it.
pub(super) struct FoundOut {
    pub(super) line: Line,
    pub(super) committed: HashMap<usize, Committed>,
}

pub(super) struct Committed {
    /// That of its first event; where it has none, the one after the head it was answered at.
    pub(super) first_seq: i64,
    pub(super) recorded_at: Timestamp,
}

/// Ends the backend, then asks the log. `None` when that did not succeed within the limit.
pub(super) async fn find_out(options: &PgConnectOptions, backend: Backend, batch: &[Waiting]) -> Option<FoundOut> {
    let deadline = Instant::now() + FIND_OUT_MAX;
    loop {
        match timeout_at(deadline, try_once(options, backend, batch)).await {
            Ok(Ok(found)) => return Some(found),
            Ok(Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "still asking what became of a batch")
            }
            Err(_) => return None,
        }
        sleep(ASK_AGAIN_AFTER).await;
    }
}

async fn try_once(options: &PgConnectOptions, backend: Backend, batch: &[Waiting]) -> Result<FoundOut, sqlx::Error> {
    let mut line = Line::connect(options).await?;
    while line.is_alive_after_ending(backend).await? {
        sleep(ASK_AGAIN_AFTER).await;
    }
    let mut committed = line.committed_of(batch).await?;
    committed.extend(line.answers_kept_of(batch).await?);
    Ok(FoundOut { line, committed })
}

impl Line {
    /// Tells the backend to end and answers whether it is still there.
    async fn is_alive_after_ending(&mut self, backend: Backend) -> Result<bool, sqlx::Error> {
        let told = sqlx::query_scalar!(
            r#"SELECT pg_terminate_backend(pid) AS "told!" FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2"#,
            backend.pid,
            backend.started,
        )
        .fetch_optional(self.connection())
        .await?;
        Ok(told.is_some())
    }

    /// A command was committed if its first event stands under its own id at the place it was written for.
    async fn committed_of(&mut self, batch: &[Waiting]) -> Result<HashMap<usize, Committed>, sqlx::Error> {
        let (mut place, mut partition, mut stream, mut version, mut id) = (vec![], vec![], vec![], vec![], vec![]);
        for (nth, waiting) in (0..).zip(batch) {
            let Some((write, event)) = waiting.append.streams.first().and_then(|s| Some((s, s.events.first()?))) else {
                continue;
            };
            place.push(nth);
            partition.push(waiting.partition);
            stream.push(write.stream.uuid());
            version.push(write.expected + 1);
            id.push(event.id);
        }
        let rows = sqlx::query!(
            r#"SELECT w.place AS "place!", e.seq, e.recorded_at
               FROM unnest($1::int[], $2::smallint[], $3::uuid[], $4::bigint[], $5::uuid[]) w(place, partition, stream, version, id)
               JOIN store.events e
                 ON e.partition = w.partition AND e.stream_id = w.stream AND e.stream_version = w.version AND e.event_id = w.id"#,
            &place,
            &partition,
            &stream,
            &version,
            &id,
        )
        .fetch_all(self.connection())
        .await?;
        let committed = rows.into_iter().filter_map(|row| {
            let recorded_at = Timestamp::from_micros(row.recorded_at.timestamp_micros());
            Some((usize::try_from(row.place).ok()?, Committed { first_seq: row.seq, recorded_at }))
        });
        Ok(committed.collect())
    }

    /// A command without events was committed if its answer is kept.
    async fn answers_kept_of(&mut self, batch: &[Waiting]) -> Result<HashMap<usize, Committed>, sqlx::Error> {
        let mut kept = HashMap::new();
        for (place, waiting) in batch.iter().enumerate().filter(|(_, waiting)| waiting.append.streams.is_empty()) {
            let Some(key) = &waiting.append.key else { continue };
            let found = sqlx::query!(
                r#"SELECT seq AS "seq!", clock_timestamp() AS "now!" FROM store.command_keys_0 WHERE key = $1 AND answer = $2
                   UNION ALL
                   SELECT seq, clock_timestamp() FROM store.command_keys_1 WHERE key = $1 AND answer = $2"#,
                key.key.as_slice(),
                &key.answer,
            )
            .fetch_optional(self.connection())
            .await?;
            kept.extend(found.map(|found| {
                let recorded_at = Timestamp::from_micros(found.now.timestamp_micros());
                (place, Committed { first_seq: found.seq + 1, recorded_at })
            }));
        }
        Ok(kept)
    }
}
