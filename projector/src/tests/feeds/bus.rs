//! What lies between log and projector in a test, and the test's own relay, which can be made to fail.

use event_schemas::topic::Record;
use platform::kafka::{Settings, topics};
use platform::testing::kafka;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use uuid::Uuid;

use super::super::running::Running;
use super::super::world::World;
use crate::{Config, FeedFrom};

const PARTITIONS: i32 = 64;

pub(super) struct Bus {
    kafka: Option<(Settings, FutureProducer)>,
    /// Held for its drop alone.
    _mock: Option<MockCluster<'static, DefaultProducerContext>>,
}

impl Bus {
    pub(super) fn store() -> Self {
        Self { kafka: None, _mock: None }
    }

    pub(super) fn mock() -> Self {
        let mock = MockCluster::new(1).unwrap();
        let settings = settings(&mock.bootstrap_servers(), "mock");
        mock.create_topic(&settings.topic, PARTITIONS, 1).unwrap();
        Self { kafka: Some(with_producer(settings)), _mock: Some(mock) }
    }

    pub(super) async fn real() -> Self {
        let kafka = kafka().await;
        let settings = settings(kafka.bootstrap(), &kafka.topic());
        topics::apply(&settings).await.unwrap();
        Self { kafka: Some(with_producer(settings)), _mock: None }
    }

    /// A projector that has its part of the partitions, where they are shared.
    pub(super) async fn start(&self, world: &World) -> Running {
        let feed = match &self.kafka {
            None => FeedFrom::Store,
            Some((settings, _)) => FeedFrom::Kafka(settings.clone()),
        };
        let running = Running::with(world, Config { feed, ..Config::default() });
        while self.kafka.is_some() && running.metrics.kafka.partitions.get() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        running
    }

    /// Those that the relay does not lose, in order.
    pub(super) async fn publish(&self, records: &[Record], keeps: impl Fn(usize) -> bool) {
        let kept = records.iter().enumerate().filter(|(number, _)| keeps(*number)).map(|(_, record)| record);
        for record in kept {
            let headers = record.headers();
            let headers = headers
                .iter()
                .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(value) }));
            self.send(record.partition, &record.key(), headers, record.body.as_deref()).await;
        }
        self.flush().await;
    }

    pub(super) async fn publish_nonsense(&self, partition: i16) {
        self.send(partition, b"nobody", OwnedHeaders::new(), Some(b"\xFF")).await;
        self.flush().await;
    }

    async fn send(&self, partition: i16, key: &[u8], headers: OwnedHeaders, body: Option<&[u8]>) {
        let Some((settings, producer)) = &self.kafka else { return };
        let mut record = FutureRecord::to(&settings.topic).partition(i32::from(partition)).key(key).headers(headers);
        record.payload = body;
        // Its delivery is waited for by the flush.
        drop(producer.send_result(record).map_err(|(error, _)| error).unwrap());
    }

    async fn flush(&self) {
        use rdkafka::producer::Producer as _;
        let Some((_, producer)) = self.kafka.clone() else { return };
        tokio::task::spawn_blocking(move || producer.flush(super::PATIENCE).unwrap()).await.unwrap();
    }
}

fn settings(brokers: &str, topic: &str) -> Settings {
    Settings { group: format!("group-{}", Uuid::now_v7().simple()), ..Settings::plain(brokers, topic) }
}

fn with_producer(settings: Settings) -> (Settings, FutureProducer) {
    let producer = settings.producer_config().create().unwrap();
    (settings, producer)
}
