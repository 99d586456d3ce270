//! A log that tests append to, relays on it, and everything that a topic holds.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::vocabulary::{StreamId, TenantId, Timestamp};
use event_schemas::topic::Record;
use event_schemas::{Actor, Header};
use platform::kafka::Settings;
use platform::testing::{TestDatabase, database};
use prometheus::Registry;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use sqlx::{PgPool, Row};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::super::lanes::Range;
use super::super::log::{self, Epochs};
use super::super::{Config, Relay, RelayMetrics, RelayStatus};

pub(super) const LEASE: Duration = Duration::from_secs(2);
/// Nothing that is waited for takes so long.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

pub(super) struct World {
    pub database: TestDatabase,
    pub admin: PgPool,
    pub kafka: Settings,
}

pub(super) struct Running {
    pub metrics: RelayMetrics,
    pub status: RelayStatus,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl World {
    /// On a real broker, its topic made.
    pub(super) async fn new() -> Self {
        let world = Self::without_topic().await;
        platform::kafka::topics::apply(&world.kafka).await.unwrap();
        world
    }

    pub(super) async fn without_topic() -> Self {
        let kafka = platform::testing::kafka().await;
        Self::on(Settings::plain(kafka.bootstrap(), &kafka.topic())).await
    }

    pub(super) async fn on(kafka: Settings) -> Self {
        let database = database().await;
        let admin = database.admin_pool().await;
        Self { database, admin, kafka }
    }

    pub(super) async fn relay(&self) -> Running {
        let metrics = RelayMetrics::register(&Registry::new());
        let config = Config { lease: LEASE };
        let relay = Relay::new(self.database.pool("relay").await, self.kafka.clone(), config, metrics.clone());
        let (status, stop) = (relay.status(), CancellationToken::new());
        let task = tokio::spawn(relay.run(stop.clone(), None));
        Running { metrics, status, stop, task }
    }

    /// Appends so many events to a partition, as the appender would.
    pub(super) async fn append(&self, partition: i16, count: i64) {
        let mut transaction = self.admin.begin().await.unwrap();
        let head: i64 =
            sqlx::query_scalar("UPDATE store.partition_head SET seq = seq + $2 WHERE partition = $1 RETURNING seq")
                .bind(partition)
                .bind(count)
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
        for seq in head - count + 1..=head {
            let event = event();
            sqlx::query(
                "INSERT INTO store.events (partition, seq, tenant_id, stream_id, stream_version, event_id, type, schema_version,
                                           recorded_at, header, body, meta)
                 VALUES ($1, $2, $3, $4, 1, $5, $6, 1, 'epoch'::timestamptz + $7 * interval '1 microsecond', $8, $9, NULL)",
            )
            .bind(partition)
            .bind(seq)
            .bind(event.tenant.uuid())
            .bind(event.stream.uuid())
            .bind(event.id)
            .bind(&event.event_type)
            .bind(event.recorded_at.micros())
            .bind(event.bytes())
            .bind(BODY)
            .execute(&mut *transaction)
            .await
            .unwrap();
        }
        transaction.commit().await.unwrap();
    }

    /// Takes a partition back to an earlier seq, checkpoint included, as an older backup would.
    pub(super) async fn restore(&self, partition: i16, seq: i64) {
        let mut transaction = self.admin.begin().await.unwrap();
        for sql in [
            "SET LOCAL session_replication_role = replica", // the log is append-only, also for us
            "DELETE FROM store.events WHERE partition = $1 AND seq > $2",
            "UPDATE store.partition_head SET seq = $2 WHERE partition = $1",
            "UPDATE store.relay_partitions SET seq = least(seq, $2) WHERE partition = $1",
        ] {
            let statement = sqlx::query(sql);
            let statement = if sql.contains("$1") { statement.bind(partition).bind(seq) } else { statement };
            statement.execute(&mut *transaction).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }

    /// Until every head is the checkpoint.
    pub(super) async fn until_published(&self) {
        self.until(
            "SELECT bool_and(h.seq = p.seq) FROM store.partition_head h JOIN store.relay_partitions p USING (partition)",
        )
        .await;
    }

    pub(super) async fn until(&self, sql: &'static str) {
        until(async || sqlx::query_scalar(sql).fetch_one(&self.admin).await.unwrap()).await;
    }

    pub(super) async fn epochs(&self) -> Epochs {
        Epochs::read(&mut self.admin.acquire().await.unwrap()).await.unwrap()
    }

    /// The log, as the relay reads it.
    pub(super) async fn log(&self) -> BTreeMap<i16, Vec<Record>> {
        let epochs = self.epochs().await;
        let mut connection = self.admin.acquire().await.unwrap();
        let rows = sqlx::query("SELECT partition, seq FROM store.partition_head WHERE seq > 0")
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        let ranges: Vec<Range> =
            rows.iter().map(|row| Range { partition: row.get(0), after: 0, upto: row.get(1) }).collect();
        by_partition(log::read(&mut connection, &epochs, &ranges).await.unwrap())
    }

    /// Everything that the topic holds, in its order.
    pub(super) async fn topic(&self) -> BTreeMap<i16, Vec<Record>> {
        let settings = self.kafka.clone();
        by_partition(tokio::task::spawn_blocking(move || read_topic(&settings)).await.unwrap())
    }

    /// The topic holds the log, once or more often, first occurrences in order; answers how many repetitions there are.
    pub(super) async fn assert_topic_holds_the_log(&self) -> usize {
        let (log, topic, epochs) = (self.log().await, self.topic().await, self.epochs().await);
        let mut repetitions = 0;
        for (partition, records) in &topic {
            let mut first: Vec<&Record> = vec![];
            for record in records.iter().filter(|record| epochs.is_valid(*partition, record.epoch, record.seq)) {
                let next = first.last().map_or(0, |last| last.seq) + 1;
                assert!(record.seq <= next, "{partition}.{} came before {next}", record.seq);
                if record.seq == next {
                    first.push(record);
                } else {
                    repetitions += 1;
                }
            }
            assert_eq!(first, log.get(partition).into_iter().flatten().collect::<Vec<_>>(), "partition {partition}");
        }
        assert_eq!(topic.len(), log.len(), "every partition is there");
        repetitions
    }
}

impl Running {
    /// As told by an operator.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        timeout(WAIT_MAX, self.task).await.unwrap().unwrap();
    }

    /// Without a word, as a crash.
    pub(super) async fn kill(self) {
        self.task.abort();
        self.task.await.unwrap_err();
    }

    pub(super) async fn until(&self, holds: impl Fn(&RelayMetrics) -> bool) {
        until(async || holds(&self.metrics)).await;
    }
}

pub(super) async fn until(holds: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < WAIT_MAX, "waited for {WAIT_MAX:?}");
        sleep(LOOK).await;
    }
}

const BODY: &[u8] = b"{}";

fn event() -> Header {
    let (body_len, body_sha256) = Header::of_body(BODY);
    Header {
        actor: Actor::Timer,
        body_len,
        body_sha256,
        causation: None,
        correlation: Uuid::now_v7(),
        id: Uuid::now_v7(),
        recorded_at: Timestamp::from_micros(1_767_225_600_000_001),
        schema_version: 1,
        stream: StreamId::new(Uuid::now_v7()),
        stream_version: 1,
        tenant: TenantId::new(Uuid::now_v7()),
        event_type: "device.retired".to_owned(),
    }
}

pub(crate) fn record(partition: i16, seq: i64) -> Record {
    let header = event();
    Record {
        epoch: 1,
        partition,
        seq,
        tenant: header.tenant.uuid(),
        stream: header.stream.uuid(),
        stream_version: 1,
        event_id: header.id,
        type_name: header.event_type.clone(),
        schema_version: 1,
        recorded_at: header.recorded_at.micros(),
        header: header.bytes(),
        body: Some(BODY.to_vec()),
        meta: None,
    }
}

fn by_partition(records: Vec<Record>) -> BTreeMap<i16, Vec<Record>> {
    let mut all: BTreeMap<i16, Vec<Record>> = BTreeMap::new();
    records.into_iter().for_each(|record| all.entry(record.partition).or_default().push(record));
    all
}

pub(super) fn read_topic(settings: &Settings) -> Vec<Record> {
    let consumer: BaseConsumer = settings.consumer_config("test").create().unwrap();
    let mut ends = BTreeMap::new();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..64 {
        let (low, high) = watermarks(&consumer, &settings.topic, partition);
        if high > low {
            assignment.add_partition_offset(&settings.topic, partition, Offset::Beginning).unwrap();
            ends.insert(partition, high);
        }
    }
    consumer.assign(&assignment).unwrap();
    let started = std::time::Instant::now();
    let mut records = vec![];
    while !ends.is_empty() {
        assert!(started.elapsed() < WAIT_MAX, "the topic's end was not reached: {ends:?}");
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.unwrap();
        if message.offset() + 1 >= ends[&message.partition()] {
            ends.remove(&message.partition());
        }
        let headers = message.headers().unwrap().iter().map(|header| (header.key, header.value.unwrap()));
        let record = Record::parse(message.partition(), message.key(), headers, message.payload()).unwrap();
        let sent_at = message.timestamp().to_millis().unwrap();
        assert!(sent_at > record.recorded_at / 1_000, "retention goes by the time of sending");
        records.push(record);
    }
    records
}

/// The leaders of a topic that was just made are not known everywhere at once.
fn watermarks(consumer: &BaseConsumer, topic: &str, partition: i32) -> (i64, i64) {
    let started = std::time::Instant::now();
    loop {
        match consumer.fetch_watermarks(topic, partition, WAIT_MAX) {
            Ok(found) => return found,
            Err(error) => assert!(started.elapsed() < WAIT_MAX, "partition {partition}: {error}"),
        }
    }
}
