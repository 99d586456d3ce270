//! The feed that reads the event store itself: what one machine uses, and what fills any gap. It polls the heads with one
//! tiny query and reads ranges it knows to exist; it never waits for an event and never guesses one.

use std::sync::Arc;

use sqlx::PgPool;
use tokio::sync::Mutex;

use super::{Head, Heads, Range, recent::Recent};
use crate::event::{Event, StoredEvent};

#[derive(Debug)]
pub(crate) struct StoreFeed {
    pool: PgPool,
    recent: Mutex<Recent>,
}

impl StoreFeed {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool, recent: Mutex::default() }
    }

    pub(crate) async fn heads(&self) -> Result<Heads, sqlx::Error> {
        let rows = sqlx::query!("SELECT partition, seq, recorded_at FROM store.partition_head WHERE seq > 0")
            .fetch_all(&self.pool)
            .await?;
        let head = |seq, recorded_at| Head { seq, recorded_at };
        Ok(rows.into_iter().map(|row| (row.partition, head(row.seq, row.recorded_at))).collect())
    }

    /// The events of the ranges by partition and seq. Projections ask for the same ranges at the same time: the first
    /// reads, the others wait for it and find the events decoded.
    pub(crate) async fn read(&self, ranges: &[Range]) -> Result<Vec<Arc<Event>>, sqlx::Error> {
        let mut recent = self.recent.lock().await;
        let mut events = vec![];
        let mut missing = vec![];
        for &range in ranges {
            match recent.get(range) {
                Some(known) => events.extend(known),
                None => missing.push(range),
            }
        }
        if !missing.is_empty() {
            let read: Vec<Arc<Event>> = self.fetch(&missing).await?;
            read.iter().for_each(|event| recent.put(event));
            events.extend(read);
            events.sort_by_key(|event| event.place);
        }
        Ok(events)
    }

    pub(crate) async fn forget(&self) {
        self.recent.lock().await.clear();
    }

    async fn fetch(&self, ranges: &[Range]) -> Result<Vec<Arc<Event>>, sqlx::Error> {
        let partitions: Vec<i16> = ranges.iter().map(|range| range.partition).collect();
        let after: Vec<i64> = ranges.iter().map(|range| range.after).collect();
        let upto: Vec<i64> = ranges.iter().map(|range| range.upto).collect();
        let rows = sqlx::query_as!(
            StoredEvent,
            r#"SELECT e.partition, e.seq, e.tenant_id, e.stream_id, e.stream_version, e.event_id, e.type AS type_name,
                      e.schema_version, e.recorded_at, e.header, e.body, e.meta
               FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS r (partition, after, upto)
               CROSS JOIN LATERAL (SELECT * FROM store.events s
                   WHERE s.partition = r.partition AND s.seq > r.after AND s.seq <= r.upto
                   ORDER BY s.seq OFFSET 0) AS e"#,
            &partitions,
            &after,
            &upto
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| Arc::new(Event::from(row))).collect())
    }
}
