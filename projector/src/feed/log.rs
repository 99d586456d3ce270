//! The log itself, read: its heads by one tiny query, and ranges that are known to exist. It never waits for an event
//! and never guesses one.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::PgPool;

use super::{Heads, Range};
use crate::checkpoint::{Epochs, Log};
use crate::event::{Event, StoredEvent};

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct LogReader {
    pool: PgPool,
}

impl LogReader {
    pub(crate) const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(crate) async fn heads(&self) -> Result<Heads, sqlx::Error> {
        let rows =
            sqlx::query!("SELECT partition, seq FROM store.partition_head WHERE seq > 0").fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| (row.partition, row.seq)).collect())
    }

    /// Where each partition ends, and the epochs it went through.
    pub(crate) async fn ends(&self) -> Result<BTreeMap<i16, Log>, sqlx::Error> {
        let rows = sqlx::query!(
            r#"SELECT h.partition, h.seq,
                      ARRAY (SELECT l.epoch FROM store.log_epochs l WHERE l.partition = h.partition ORDER BY l.epoch) AS "epochs!",
                      ARRAY (SELECT l.first_seq FROM store.log_epochs l WHERE l.partition = h.partition ORDER BY l.epoch) AS "firsts!"
               FROM store.partition_head h"#
        )
        .fetch_all(&self.pool)
        .await?;
        let log =
            |head, epochs: Vec<i32>, firsts| Log { head, epochs: Epochs(epochs.into_iter().zip(firsts).collect()) };
        Ok(rows.into_iter().map(|row| (row.partition, log(row.seq, row.epochs, row.firsts))).collect())
    }

    /// By partition and seq. The epoch is the log's at that seq, seen by the same statement; nearly every range lies in
    /// one, which is found once.
    pub(crate) async fn read(&self, ranges: &[Range]) -> Result<Vec<Arc<Event>>, sqlx::Error> {
        let partitions: Vec<i16> = ranges.iter().map(|range| range.partition).collect();
        let after: Vec<i64> = ranges.iter().map(|range| range.after).collect();
        let upto: Vec<i64> = ranges.iter().map(|range| range.upto).collect();
        let rows = sqlx::query_as!(
            StoredEvent,
            r#"SELECT e.partition, e.seq, e.tenant_id, e.stream_id, e.stream_version, e.event_id, e.type AS type_name,
                      e.schema_version, e.recorded_at, e.header, e.body, e.meta,
                      CASE WHEN l.first = l.last THEN l.last
                           ELSE (SELECT max(m.epoch) FROM store.log_epochs m WHERE m.partition = e.partition AND m.first_seq <= e.seq)
                      END AS "epoch!"
               FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS r (partition, after, upto)
               CROSS JOIN LATERAL (SELECT max(m.epoch) FILTER (WHERE m.first_seq <= r.after + 1) AS first,
                                          max(m.epoch) FILTER (WHERE m.first_seq <= r.upto) AS last
                   FROM store.log_epochs m WHERE m.partition = r.partition OFFSET 0) AS l
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
