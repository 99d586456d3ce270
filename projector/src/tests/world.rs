//! A log and its read models for one test: appends events the way the store lays them out, and projects them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::vocabulary::{StreamId, TenantId, Timestamp, partition_of};
use event_schemas::Header;
use event_schemas::topic::Record;
use platform::testing::{TestDatabase, database};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Postgres, QueryBuilder, Row};
use tokio::sync::Mutex;
use uuid::Uuid;

pub(super) use super::facts::{Fact, OBSERVED_MICROS};
use super::running::PATIENCE;
use crate::apply::apply;
use crate::checkpoint;
use crate::event::{Event, Place};
use crate::failure::Failure;
use crate::feed::{log::LogReader, next_ranges};
use crate::pools::Pools;
use crate::projection::Projection;
use crate::registry::{self, Target};

/// Noon of 2026-01-05, where every log of these tests begins; each event is a second later than the one before.
const BEGINNING_MICROS: i64 = 1_767_614_400_000_000;

pub(super) struct World {
    pub database: TestDatabase,
    pub admin: PgPool,
    pub projector: PgPool,
    pub pools: Pools,
    pub log: LogReader,
    appended: Mutex<Appended>,
}

#[derive(Default)]
struct Appended {
    events: i64,
    versions: BTreeMap<Uuid, i64>,
}

impl World {
    pub(super) async fn new() -> Self {
        let database = database().await;
        let admin = database.admin_pool().await;
        let projector = database.pool("projector").await;
        let (pools, log) = (Pools::new(projector.clone()), LogReader::new(projector.clone()));
        Self { database, admin, projector, pools, log, appended: Mutex::default() }
    }

    pub(super) async fn append_fact(&self, fact: Fact) -> Place {
        let mut appended = self.appended.lock().await;
        appended.events += 1;
        let recorded_at = Timestamp::from_micros(BEGINNING_MICROS + appended.events * 1_000_000);
        let version = appended.versions.entry(fact.stream).or_default();
        *version += 1;
        let (body_len, body_sha256) = Header::of_body(&fact.body);
        let header = Header {
            actor: fact.actor,
            body_len,
            body_sha256,
            causation: None,
            correlation: Uuid::from_u128(0xC0),
            id: Uuid::now_v7(),
            recorded_at,
            schema_version: 1,
            stream: StreamId::new(fact.stream),
            stream_version: *version,
            tenant: TenantId::new(fact.tenant),
            event_type: fact.type_name,
        };
        self.insert(&header, &fact.body, fact.meta.and_then(|meta| meta.bytes())).await
    }

    async fn insert(&self, header: &Header, body: &[u8], meta: Option<Vec<u8>>) -> Place {
        let partition = i16::from(partition_of(header.tenant));
        let seq: i64 = sqlx::query_scalar(
            "WITH head AS (UPDATE store.partition_head SET seq = seq + 1, recorded_at = to_timestamp($2::float8 / 1e6)
                           WHERE partition = $1 RETURNING seq)
             INSERT INTO store.events (partition, seq, tenant_id, stream_id, stream_version, event_id, type, schema_version,
                                       recorded_at, header, body, meta)
             SELECT $1, head.seq, $3, $4, $5, $6, $7, 1, to_timestamp($2::float8 / 1e6), $8, $9, $10 FROM head RETURNING seq",
        )
        .bind(partition)
        .bind(header.recorded_at.micros())
        .bind(header.tenant.uuid())
        .bind(header.stream.uuid())
        .bind(header.stream_version)
        .bind(header.id)
        .bind(&header.event_type)
        .bind(header.bytes())
        .bind(body)
        .bind(meta)
        .fetch_one(&self.admin)
        .await
        .unwrap();
        Place { partition, seq }
    }

    /// Three tenants, devices and findings of each.
    pub(super) async fn some_history(&self) {
        self.history_of(1..=3).await;
    }

    /// Devices and findings of each tenant.
    pub(super) async fn history_of(&self, tenants: RangeInclusive<u128>) {
        let appended = self.number("SELECT sum(seq)::bigint FROM store.partition_head").await;
        let offset = 10_000 * (1 + appended as u128);
        for tenant in tenants.map(id) {
            let device = id(offset + tenant.as_u128() % 100);
            self.append_fact(Fact::registered(tenant, device, "router")).await;
            for number in 0..4 {
                let finding = id(offset + 100 * (number + 1) + tenant.as_u128() % 100);
                self.append_fact(Fact::raised(tenant, finding, Some(device), "critical")).await;
                self.append_fact(Fact::json(tenant, finding, "finding.confirmed", serde_json::json!({}))).await;
            }
        }
    }

    /// Until every checkpoint that a loop moves has reached the heads of now.
    pub(super) async fn caught_up(&self) {
        self.until(
            "SELECT NOT EXISTS (SELECT FROM read.checkpoints c JOIN read.generations USING (projection, generation)
                                JOIN store.partition_head h USING (partition)
                                WHERE c.seq < h.seq AND NOT paused AND NOT frozen)",
        )
        .await;
    }

    /// Until a question has yes for an answer.
    pub(super) async fn until(&self, question: &'static str) {
        let wait = async {
            while !sqlx::query_scalar::<_, bool>(question).fetch_one(&self.admin).await.unwrap() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("not in time: {question}"));
    }

    pub(super) async fn execute(&self, statement: &'static str) {
        sqlx::raw_sql(statement).execute(&self.admin).await.unwrap();
    }

    /// All that is in the log, in batches of a size.
    pub(super) async fn catch_up<P: Projection>(&self, batch_events: usize) {
        while self.step::<P>(batch_events).await.unwrap() > 0 {}
    }

    pub(super) async fn step<P: Projection>(&self, batch_events: usize) -> Result<usize, Failure> {
        self.step_of(first::<P>(), batch_events).await
    }

    /// One batch into any generation.
    pub(super) async fn step_of(&self, target: Target, batch_events: usize) -> Result<usize, Failure> {
        let positions = checkpoint::positions(&self.projector, target).await?;
        let ranges = next_ranges(&positions, &self.log.heads().await?, batch_events);
        let events = self.log.read(&ranges).await?;
        Ok(apply(&self.pools, target, events, batch_events).await?.events)
    }

    /// These events as a feed might bring them.
    pub(super) async fn apply<P: Projection>(&self, events: Vec<Arc<Event>>, max: usize) -> Result<usize, Failure> {
        Ok(apply(&self.pools, first::<P>(), events, max).await?.events)
    }

    pub(super) async fn catch_up_all(&self, batch_events: usize) {
        for projection in &registry::ALL {
            let target = Target { projection, generation: 1 };
            while self.step_of(target, batch_events).await.unwrap() > 0 {}
        }
    }

    /// Everything in the log as the relay publishes it.
    pub(super) async fn records(&self) -> Vec<Record> {
        let rows = sqlx::query(
            "SELECT e.*, (SELECT max(l.epoch) FROM store.log_epochs l
                          WHERE l.partition = e.partition AND l.first_seq <= e.seq) AS epoch
             FROM store.events e ORDER BY partition, seq",
        )
        .fetch_all(&self.admin)
        .await
        .unwrap();
        let record = |row: &PgRow| Record {
            epoch: row.get("epoch"),
            partition: row.get("partition"),
            seq: row.get("seq"),
            tenant: row.get("tenant_id"),
            stream: row.get("stream_id"),
            stream_version: row.get("stream_version"),
            event_id: row.get("event_id"),
            type_name: row.get("type"),
            schema_version: row.get("schema_version"),
            recorded_at: row.get::<DateTime<Utc>, _>("recorded_at").timestamp_micros(),
            header: row.get("header"),
            body: row.get("body"),
            meta: row.get("meta"),
        };
        rows.iter().map(record).collect()
    }

    /// Everything in the log, as the feed reads it.
    pub(super) async fn events(&self) -> Vec<Arc<Event>> {
        let heads = self.log.heads().await.unwrap();
        self.log.read(&next_ranges(&BTreeMap::new(), &heads, usize::MAX / 2)).await.unwrap()
    }

    /// One text a row, in order. Times of projecting are left out.
    pub(super) async fn rows(&self, query: &str) -> Vec<String> {
        self.rows_of(query.to_owned()).await
    }

    pub(super) async fn rows_of(&self, query: String) -> Vec<String> {
        let rows = format!("SELECT (to_jsonb(q) - 'applied_at' - 'parked_at')::text FROM ({query}) AS q ORDER BY 1");
        QueryBuilder::<Postgres>::new(rows).build_query_scalar().fetch_all(&self.admin).await.unwrap()
    }

    pub(super) async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.admin).await.unwrap()
    }

    /// Every row of every read model, checkpoints and parked streams among them.
    pub(super) async fn read_models(&self) -> BTreeMap<String, Vec<String>> {
        let mut models = BTreeMap::new();
        for table in self.tables().await {
            models.insert(table.clone(), self.rows(&format!("SELECT * FROM {table}")).await);
        }
        models
    }

    /// Read models as they are now against those before, table by table.
    pub(super) async fn assert_read_models(&self, expected: &BTreeMap<String, Vec<String>>) {
        for (table, rows) in self.read_models().await {
            assert_eq!(rows, expected[&table], "{table}");
        }
    }

    /// Back to before the first event.
    pub(super) async fn forget_read_models(&self) {
        for table in self.tables().await {
            let empty = match table.as_str() {
                "read.checkpoints" => "UPDATE read.checkpoints SET seq = 0, epoch = 1, parked_streams = 0".to_owned(),
                table => format!("TRUNCATE {table}"),
            };
            QueryBuilder::<Postgres>::new(empty).build().execute(&self.admin).await.unwrap();
        }
    }

    /// Those with rows that follow from the log.
    async fn tables(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname ~ '^read(_g[0-9]+)?$'
             AND tablename NOT IN ('generations', 'projections', 'projection_tables', 'operations', 'skips',
                                   'redis_owed', 'redis_state')",
        )
        .fetch_all(&self.admin)
        .await
        .unwrap()
    }
}

/// The generation that every database begins with.
pub(super) fn first<P: Projection>() -> Target {
    generation::<P>(1)
}

pub(super) fn generation<P: Projection>(generation: i32) -> Target {
    let projection = registry::find(P::NAME, P::APPLY_VERSION).unwrap();
    Target { projection, generation }
}

pub(super) fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | number)
}
