//! The relay beside what the same broker takes at best: a bare producer that writes the same records, with the same
//! promises (idempotent, every replica, zstd), in the same run.

use std::time::{Duration, Instant};

use command_api::relay::{Config, Relay, RelayMetrics};
use event_schemas::topic::Record;
use platform::kafka::{Settings, topics};
use platform::private_kafka::{PrivateKafka, PrivateKafkaOptions};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::report::Report;
use crate::server::{Database, Server};
use crate::{Failed, Outcome, append};

const EVENTS: usize = 300_000;
/// Different records that the bare producer repeats: more would measure this machine's memory.
const SAMPLE: i64 = 30_000;
/// A broker as one would run it; the default of tests starts quickly and is slow.
const JAVA: &str = "-Xmx1g -XX:+UseG1GC";
const FLUSH_MAX: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(1);
const POLL: Duration = Duration::from_millis(1);
const CONNECTIONS: u32 = 4;

pub(crate) async fn measure(server: &Server, report: &mut Report) -> Outcome {
    let database = server.database().await?;
    append::fill(&database, EVENTS).await?;
    let options = PrivateKafkaOptions { java: Some(JAVA.to_owned()), ..PrivateKafkaOptions::default() };
    let kafka = tokio::task::spawn_blocking(|| PrivateKafka::temporary_with(1, options)).await??;
    let records = sample(&database).await?;
    let mut bare = 0.0;
    for run in ["warm", "first", "second"] {
        let settings = topic(&kafka, &format!("bench.bare.{run}")).await?;
        let sent = records.clone();
        let rate = tokio::task::spawn_blocking(move || produce(&settings, &sent)).await??;
        bare = if run == "warm" { 0.0 } else { rate.max(bare) };
    }
    let relayed = relay(&database, topic(&kafka, "bench.relay").await?).await?;
    report.rate("Kafka: bare producer, same records", bare, "events/s", None, "");
    let ratio = Some((relayed / bare, "bare producer"));
    report.rate("relay, store to Kafka, backlog of 300,000", relayed, "events/s", ratio, "≥ 0.80 × bare producer");
    Ok(())
}

async fn topic(kafka: &PrivateKafka, name: &str) -> Outcome<Settings> {
    let settings = Settings::plain(kafka.bootstrap(), name);
    topics::apply(&settings).await?;
    Ok(settings)
}

/// Events over all partitions, in the order in which a relay that is behind reads them.
async fn sample(database: &Database) -> Outcome<Vec<Record>> {
    let mut connection = PgConnection::connect(&database.url("relay")).await?;
    let rows = sqlx::query_as::<_, Row>(
        "SELECT partition, seq, tenant_id, stream_id, stream_version, event_id, type, schema_version, recorded_at, header, body, meta
         FROM store.events ORDER BY seq, partition LIMIT $1",
    )
    .bind(SAMPLE)
    .fetch_all(&mut connection)
    .await?;
    Ok(rows.into_iter().map(Record::from).collect())
}

#[derive(sqlx::FromRow)]
struct Row {
    partition: i16,
    seq: i64,
    tenant_id: uuid::Uuid,
    stream_id: uuid::Uuid,
    stream_version: i64,
    event_id: uuid::Uuid,
    r#type: String,
    schema_version: i16,
    recorded_at: chrono::DateTime<chrono::Utc>,
    header: Vec<u8>,
    body: Option<Vec<u8>>,
    meta: Option<Vec<u8>>,
}

impl From<Row> for Record {
    fn from(row: Row) -> Self {
        Self {
            epoch: 1,
            partition: row.partition,
            seq: row.seq,
            tenant: row.tenant_id,
            stream: row.stream_id,
            stream_version: row.stream_version,
            event_id: row.event_id,
            type_name: row.r#type,
            schema_version: row.schema_version,
            recorded_at: row.recorded_at.timestamp_micros(),
            header: row.header,
            body: row.body,
            meta: row.meta,
        }
    }
}

/// Sends without a look at anything but whether the queue has room.
fn produce(settings: &Settings, records: &[Record]) -> Outcome<f64> {
    let messages: Vec<_> = records.iter().map(|record| (record, record.key(), record.headers())).collect();
    let producer: BaseProducer = settings.producer_config().create()?;
    let started = Instant::now();
    for (record, key, headers) in messages.iter().cycle().take(EVENTS) {
        let owned = || {
            headers.iter().fold(OwnedHeaders::new_with_capacity(headers.len()), |owned, (key, value)| {
                owned.insert(Header { key, value: Some(value.as_slice()) })
            })
        };
        let mut message =
            BaseRecord::<[u8], [u8]>::to(&settings.topic).partition(record.partition.into()).key(key).headers(owned());
        message.payload = record.body.as_deref();
        while let Err((error, unsent)) = producer.send(message) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            producer.poll(POLL);
            message = unsent;
        }
    }
    producer.flush(FLUSH_MAX)?;
    Ok(EVENTS as f64 / started.elapsed().as_secs_f64())
}

/// From the first acknowledgement to the last.
async fn relay(database: &Database, settings: Settings) -> Outcome<f64> {
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect(&database.url("relay")).await?;
    let metrics = RelayMetrics::register(&prometheus::Registry::new());
    let relay = Relay::new(pool, settings, Config::default(), metrics.clone());
    let stop = CancellationToken::new();
    let running = tokio::spawn(relay.run(stop.clone(), None));
    let published = async |at_least: u64| {
        while metrics.published.get() < at_least {
            if running.is_finished() {
                return Err(Failed::from("the relay ended"));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok((metrics.published.get(), Instant::now()))
    };
    let (first, began) = published(1).await?;
    let (last, ended) = published(EVENTS as u64).await?;
    stop.cancel();
    running.await?;
    Ok((last - first) as f64 / ended.duration_since(began).as_secs_f64())
}
