//! The log as it lies in the store, what must be true of every log, and whether the read models are its fold.
//!
//! It reads as the superuser, past the policies, and changes nothing. What it expects of a read model it works out by
//! itself: none of the projector's code is asked.

mod fold;
mod models;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::vocabulary::partition_of;
use event_schemas::{Decoded, Header, Written, decode};
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{FromRow, Postgres, Row, Transaction};
use uuid::Uuid;

use crate::eventually::until;

pub use models::Models;

/// Log, checkpoints and read models as they were at one moment.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// One event, as its row says and as it decodes.
#[derive(Debug, Clone)]
pub struct Entry {
    pub row: StoredRow,
    pub header: Header,
    pub written: Written,
}

#[derive(Debug, Clone, FromRow)]
pub struct StoredRow {
    pub partition: i16,
    pub seq: i64,
    pub tenant_id: Uuid,
    pub stream_id: Uuid,
    pub stream_version: i64,
    pub event_id: Uuid,
    pub r#type: String,
    pub schema_version: i16,
    pub recorded_micros: i64,
    pub header: Vec<u8>,
    pub body: Vec<u8>,
    pub meta: Option<Vec<u8>>,
}

/// Everything that was ever appended, by partition and seq.
pub struct Log {
    pub entries: Vec<Entry>,
}

impl Log {
    /// Reads it and checks what holds for every log, whatever happened to the processes that wrote it.
    pub async fn read(admin: &PgPool) -> Self {
        let mut snapshot = admin.begin_with(SNAPSHOT).await.expect("the superuser may look");
        Self::within(&mut snapshot).await
    }

    /// The same once every projection is at its end; and each row of the read models has to be what follows from it.
    pub async fn read_with_models(admin: &PgPool) -> Self {
        let mut snapshot = caught_up(admin).await;
        let log = Self::within(&mut snapshot).await;
        let expected = fold::fold(&log.entries);
        let found = models::read(&mut snapshot).await;
        models::assert_same(&expected, &found);
        log
    }

    async fn within(snapshot: &mut PgConnection) -> Self {
        let rows: Vec<StoredRow> = sqlx::query_as(
            "SELECT partition, seq, tenant_id, stream_id, stream_version, event_id, type, schema_version,
                    (extract(epoch FROM recorded_at) * 1000000)::bigint AS recorded_micros, header, body, meta
             FROM store.events ORDER BY partition, seq",
        )
        .fetch_all(&mut *snapshot)
        .await
        .expect("the log can be read");
        let log = Self { entries: rows.into_iter().map(Entry::of).collect() };
        log.check_order();
        log.check_heads(snapshot).await;
        log.check_streams(snapshot).await;
        log
    }

    pub fn at(&self, partition: i16, seq: i64) -> Option<&Entry> {
        let key = |entry: &Entry| (entry.row.partition, entry.row.seq);
        self.entries.binary_search_by_key(&(partition, seq), key).ok().map(|index| &self.entries[index])
    }

    /// How often each mark that a test put into its commands stands in the log. A mark is `mark-<uuid>`.
    pub fn marks(&self) -> HashMap<String, usize> {
        const MARK_BYTES: usize = "mark-".len() + 36;
        let mut marks = HashMap::new();
        for entry in &self.entries {
            let body = String::from_utf8_lossy(&entry.row.body);
            let found: BTreeSet<&str> =
                body.match_indices("mark-").filter_map(|(at, _)| body.get(at..at + MARK_BYTES)).collect();
            for mark in found {
                *marks.entry(mark.to_owned()).or_default() += 1;
            }
        }
        marks
    }

    /// Seqs and stream versions without gap or repetition, time that never runs backwards, ids that are unique.
    fn check_order(&self) {
        let mut last: BTreeMap<i16, &Entry> = BTreeMap::new();
        let mut versions: HashMap<Uuid, i64> = HashMap::new();
        let mut ids = HashSet::new();
        for entry in &self.entries {
            let row = &entry.row;
            let before = last.insert(row.partition, entry);
            assert_eq!(row.seq, before.map_or(0, |entry| entry.row.seq) + 1, "partition {} has a gap", row.partition);
            let earlier = before.map_or(i64::MIN, |entry| entry.row.recorded_micros);
            assert!(row.recorded_micros >= earlier, "time runs backwards at {}.{}", row.partition, row.seq);
            let version = versions.entry(row.stream_id).or_default();
            *version += 1;
            assert_eq!(row.stream_version, *version, "stream {} at {}.{}", row.stream_id, row.partition, row.seq);
            assert!(ids.insert(row.event_id), "event {} is there twice", row.event_id);
            assert_eq!(i16::from(partition_of(entry.header.tenant)), row.partition, "a tenant lives in one partition");
        }
    }

    async fn check_heads(&self, snapshot: &mut PgConnection) {
        let heads: Vec<(i16, i64)> =
            sqlx::query_as("SELECT partition, seq FROM store.partition_head WHERE seq > 0 ORDER BY 1")
                .fetch_all(snapshot)
                .await
                .expect("heads can be read");
        let mut ends: BTreeMap<i16, i64> = BTreeMap::new();
        ends.extend(self.entries.iter().map(|entry| (entry.row.partition, entry.row.seq)));
        assert_eq!(BTreeMap::from_iter(heads), ends, "the heads stand where the log ends");
    }

    /// The row of a stream is written with its events.
    async fn check_streams(&self, snapshot: &mut PgConnection) {
        let rows = sqlx::query("SELECT stream_id, tenant_id, version, kind FROM store.streams")
            .fetch_all(snapshot)
            .await
            .expect("streams can be read");
        let rows: BTreeMap<Uuid, (Uuid, i64, String)> =
            rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3)))).collect();
        let mut streams = BTreeMap::new();
        for Entry { row, written, .. } in &self.entries {
            streams.insert(row.stream_id, (row.tenant_id, row.stream_version, written.kind().to_string()));
        }
        assert_eq!(rows, streams, "every stream's row is at its last event");
    }
}

impl Entry {
    fn of(row: StoredRow) -> Self {
        let place = format!("{}.{}", row.partition, row.seq);
        let header = Header::parse(&row.header).unwrap_or_else(|error| panic!("header of {place}: {error}"));
        header.check_body(&row.body).unwrap_or_else(|error| panic!("{place}: {error}"));
        let says =
            (header.tenant.uuid(), header.stream.uuid(), header.stream_version, header.id, header.schema_version);
        assert_eq!(
            says,
            (row.tenant_id, row.stream_id, row.stream_version, row.event_id, row.schema_version),
            "{place}"
        );
        assert_eq!((header.recorded_at.micros(), &header.event_type), (row.recorded_micros, &row.r#type), "{place}");
        match decode(&row.r#type, row.schema_version, Some(&row.body)) {
            Ok(Decoded::Event(written)) => Self { row, header, written },
            Ok(Decoded::Purged) => panic!("{place} was purged"),
            Err(error) => panic!("{place}: {error}"),
        }
    }
}

/// Until every checkpoint stands at its partition's head, and as it is then: others may go on.
async fn caught_up(admin: &PgPool) -> Transaction<'static, Postgres> {
    until("every projection at the end of the log", async || {
        let mut snapshot = admin.begin_with(SNAPSHOT).await.ok()?;
        let behind: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM read.checkpoints c JOIN store.partition_head h USING (partition) WHERE c.seq <> h.seq",
        )
        .fetch_one(&mut *snapshot)
        .await
        .ok()?;
        (behind == 0).then_some(snapshot)
    })
    .await
}
