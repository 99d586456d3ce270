//! A stream as its aggregate: the rolling snapshot where it is of today's fold version, else the events folded again.
//! A snapshot is never trusted beyond the version check, and never the truth.

use std::collections::HashMap;

use domain::decider::{Decider, ImpossibleHistory};
use domain::vocabulary::{StreamId, TenantId, partition_of};
use event_schemas::{DecodeError, Decoded, Recorded, decode_event};
use serde::de::DeserializeOwned;

use super::EventStore;

/// An aggregate as the store has it. Version 0: there is no such stream, and the state is the initial one.
#[derive(Debug, Clone)]
pub struct Loaded<D> {
    pub version: i64,
    pub state: D,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the event store cannot be read")]
    Store(#[from] sqlx::Error),
    #[error("stream {0:?} holds an event that cannot be read")]
    Decode(StreamId, #[source] DecodeError),
    #[error("stream {0:?} holds a history that cannot be")]
    History(StreamId, #[source] ImpossibleHistory),
    #[error("stream {0:?} was purged and cannot be decided on")]
    Purged(StreamId),
}

struct Row {
    stream_id: uuid::Uuid,
    version: i64,
    fold_version: i16,
    state: Vec<u8>,
}

impl EventStore {
    /// One stream of the tenant. Another tenant's, or one of another kind, counts as not there.
    pub async fn load<D>(&self, tenant: TenantId, stream: StreamId) -> Result<Loaded<D>, LoadError>
    where
        D: Decider + DeserializeOwned,
        D::Event: Recorded,
    {
        let mut found = self.load_many(tenant, &[stream]).await?;
        Ok(found.remove(&stream).unwrap_or_else(|| Loaded { version: 0, state: D::initial() }))
    }

    /// Many streams in one indexed read. Those that do not exist are left out.
    pub async fn load_many<D>(
        &self,
        tenant: TenantId,
        streams: &[StreamId],
    ) -> Result<HashMap<StreamId, Loaded<D>>, LoadError>
    where
        D: Decider + DeserializeOwned,
        D::Event: Recorded,
    {
        let ids: Vec<_> = streams.iter().map(|stream| stream.uuid()).collect();
        let rows = sqlx::query_as!(
            Row,
            "SELECT s.stream_id, s.version, s.fold_version, s.state FROM unnest($2::uuid[]) w(id) \
             JOIN store.streams s ON s.stream_id = w.id WHERE s.tenant_id = $1 AND s.kind = $3",
            tenant.uuid(),
            &ids,
            D::KIND.as_str(),
        )
        .fetch_all(&self.pool)
        .await?;
        let mut loaded = HashMap::with_capacity(rows.len());
        for row in rows {
            let stream = StreamId::new(row.stream_id);
            loaded.insert(stream, self.state_of(tenant, stream, &row).await?);
        }
        Ok(loaded)
    }

    async fn state_of<D>(&self, tenant: TenantId, stream: StreamId, row: &Row) -> Result<Loaded<D>, LoadError>
    where
        D: Decider + DeserializeOwned,
        D::Event: Recorded,
    {
        if row.fold_version == D::FOLD_VERSION {
            match serde_json::from_slice(&row.state) {
                Ok(state) => return Ok(Loaded { version: row.version, state }),
                Err(error) => {
                    tracing::warn!(%error, stream = %row.stream_id, "a snapshot cannot be read; folding the events")
                }
            }
        }
        self.fold(tenant, stream).await
    }

    /// The truth: every event of the stream, in order.
    pub async fn fold<D>(&self, tenant: TenantId, stream: StreamId) -> Result<Loaded<D>, LoadError>
    where
        D: Decider,
        D::Event: Recorded,
    {
        let rows = sqlx::query!(
            "SELECT stream_version, type, schema_version, body FROM store.events \
             WHERE partition = $1 AND stream_id = $2 AND tenant_id = $3 ORDER BY stream_version",
            i16::from(partition_of(tenant)),
            stream.uuid(),
            tenant.uuid(),
        )
        .fetch_all(&self.pool)
        .await?;
        let mut loaded = Loaded { version: 0, state: D::initial() };
        for row in rows {
            let decoded = decode_event::<D::Event>(&row.r#type, row.schema_version, row.body.as_deref());
            let Decoded::Event(event) = decoded.map_err(|error| LoadError::Decode(stream, error))? else {
                return Err(LoadError::Purged(stream));
            };
            loaded.state = loaded.state.evolve(&event).map_err(|error| LoadError::History(stream, error))?;
            loaded.version = row.stream_version;
        }
        Ok(loaded)
    }
}
