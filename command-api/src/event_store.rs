//! Reading the write side: streams with their snapshots, the log of one stream, reservations, first answers.
//!
//! Everything here is strongly consistent and within one tenant. It never writes (that is the appender's), and never
//! reads a read model.

mod epochs;
mod load;

use std::collections::HashMap;

use domain::vocabulary::{StreamId, TenantId, Timestamp, partition_of};
use platform::position::Position;
use platform::postgres::Pool;
use uuid::Uuid;

pub use epochs::Epochs;
pub use load::{LoadError, Loaded};

/// Streams found in one read of what is due.
pub const DUE_STREAMS_MAX: i64 = 500;

/// The store's read side. Cheap to clone.
#[derive(Clone)]
pub struct EventStore {
    pool: Pool,
    epochs: Epochs,
}

/// A first answer under a command key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstAnswer {
    pub fingerprint: Vec<u8>,
    pub answer: Vec<u8>,
    pub position: Position,
}

/// A stream whose time is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub tenant: TenantId,
    pub stream: StreamId,
    pub kind: String,
    pub at: Timestamp,
}

impl EventStore {
    pub async fn open(pool: Pool) -> Result<Self, sqlx::Error> {
        let epochs = Epochs::read(&pool).await?;
        Ok(Self { pool, epochs })
    }

    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The tenant's partition as it stands: what a command without events answers.
    pub async fn head(&self, tenant: TenantId) -> Result<Position, sqlx::Error> {
        let partition = i16::from(partition_of(tenant));
        let seq = sqlx::query_scalar!("SELECT seq FROM store.partition_head WHERE partition = $1", partition)
            .fetch_one(&self.pool)
            .await?;
        Ok(self.position(partition, seq))
    }

    /// Who owns these keys of the tenant (the deployment's for slugs). Keys that nobody owns are left out.
    pub async fn owners(&self, tenant: TenantId, keys: &[String]) -> Result<HashMap<String, StreamId>, sqlx::Error> {
        let rows = sqlx::query!(
            "SELECT r.key, r.owner FROM unnest($2::text[]) k(key) \
             JOIN store.reservations r ON r.tenant_id = $1 AND r.key = k.key",
            tenant.uuid(),
            keys,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.key, StreamId::new(row.owner))).collect())
    }

    /// The first answer under a command key, if there is one.
    pub async fn first_answer(&self, key: &[u8; 32]) -> Result<Option<FirstAnswer>, sqlx::Error> {
        let row = sqlx::query!(
            r#"SELECT fingerprint AS "fingerprint!", answer AS "answer!", partition AS "partition!", seq AS "seq!"
               FROM store.command_keys_0 WHERE key = $1
               UNION ALL
               SELECT fingerprint, answer, partition, seq FROM store.command_keys_1 WHERE key = $1"#,
            key.as_slice(),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| FirstAnswer {
            fingerprint: row.fingerprint,
            answer: row.answer,
            position: self.position(row.partition, row.seq),
        }))
    }

    /// Streams of any tenant whose time is up at `now`, the longest overdue first, at most [`DUE_STREAMS_MAX`]; the next
    /// page comes after the last of this one, so that streams which cannot be served do not hold up the others.
    pub async fn due(&self, now: Timestamp, after: Option<&Due>) -> Result<Vec<Due>, sqlx::Error> {
        let (at, stream) = after.map_or((0, Uuid::nil()), |due| (due.at.micros(), due.stream.uuid()));
        let rows = sqlx::query!(
            "SELECT tenant_id, stream_id, kind, due_at AS \"due_at!\" FROM store.streams \
             WHERE due_at IS NOT NULL AND due_at <= $1 AND (due_at, stream_id) > ($2, $3) \
             ORDER BY due_at, stream_id LIMIT $4",
            crate::appender::to_utc(now),
            crate::appender::to_utc(Timestamp::from_micros(at)),
            stream,
            DUE_STREAMS_MAX,
        )
        .fetch_all(&self.pool)
        .await?;
        let due = rows.into_iter().map(|row| Due {
            tenant: TenantId::new(row.tenant_id),
            stream: StreamId::new(row.stream_id),
            kind: row.kind,
            at: Timestamp::from_micros(row.due_at.timestamp_micros()),
        });
        Ok(due.collect())
    }

    /// The deployment's organization, when it has exactly one.
    pub async fn only_organization(&self) -> Result<Option<TenantId>, sqlx::Error> {
        let found: Vec<Uuid> = sqlx::query_scalar!(
            "SELECT stream_id FROM store.streams WHERE kind = 'organization' ORDER BY stream_id LIMIT 2"
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(match found.as_slice() {
            [one] => Some(TenantId::new(*one)),
            _ => None,
        })
    }

    fn position(&self, partition: i16, seq: i64) -> Position {
        self.epochs.position(partition, seq)
    }
}
