//! The topic as a consumer sees it: making one, publishing a log on it, and reading it back to its end.

use std::collections::HashMap;
use std::time::Duration;

use event_schemas::topic::Record;
use futures_util::future::join_all;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};

use crate::history::Entry;

pub const PARTITIONS: i32 = 64;
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Makes a topic as ours is, on a single broker.
pub async fn create(bootstrap: &str, topic: &str) {
    let admin: AdminClient<DefaultClientContext> = client(bootstrap).create().expect("a client can be made");
    let new = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(Timeout::After(ANSWER_MAX)));
    let made = admin.create_topics([&new], &options).await.expect("Kafka answers");
    made.into_iter().for_each(|made| drop(made.expect("the topic can be made")));
}

/// As the relay would, in this order.
pub async fn publish(bootstrap: &str, topic: &str, records: &[Record]) {
    let mut config = client(bootstrap);
    config.set("enable.idempotence", "true").set("linger.ms", "5");
    let producer: FutureProducer = config.create().expect("a producer can be made");
    let sent = records.iter().map(|record| {
        let headers = record
            .headers()
            .into_iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(&value) }));
        let key = record.key();
        let message = FutureRecord::to(topic).partition(i32::from(record.partition)).key(&key).headers(headers);
        let message = match &record.body {
            Some(body) => message.payload(body),
            None => message,
        };
        producer.send_result(message).unwrap_or_else(|(error, _)| panic!("the queue has room: {error}"))
    });
    for delivered in join_all(sent.collect::<Vec<_>>()).await {
        delivered.expect("the producer lives").expect("the message arrives");
    }
}

/// Every message of the topic, by partition, in the order of offsets.
pub fn read(bootstrap: &str, topic: &str) -> HashMap<i32, Vec<Record>> {
    let mut config = client(bootstrap);
    config.set("group.id", "reader").set("enable.auto.commit", "false").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create().expect("a consumer can be made");
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER_MAX).expect("Kafka answers");
    let partitions: Vec<i32> = metadata.topics()[0].partitions().iter().map(|partition| partition.id()).collect();
    let mut assigned = TopicPartitionList::new();
    for partition in &partitions {
        assigned.add_partition_offset(topic, *partition, Offset::Beginning).expect("a partition of the topic");
    }
    consumer.assign(&assigned).expect("partitions can be assigned");
    let mut read: HashMap<i32, Vec<Record>> = HashMap::new();
    let mut open = partitions.len();
    while open > 0 {
        match consumer.poll(ANSWER_MAX).expect("messages, or the end, come in time") {
            Ok(message) => {
                let headers = message.headers().expect("our messages have headers");
                let headers = headers.iter().map(|header| (header.key, header.value.unwrap_or_default()));
                let record = Record::parse(message.partition(), message.key(), headers, message.payload());
                let record = record.expect("what the relay wrote can be read");
                read.entry(message.partition()).or_default().push(record);
            }
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => open -= 1,
            Err(error) => panic!("{error}"),
        }
    }
    read
}

/// An event of the log as a message.
pub fn record(Entry { row, .. }: &Entry) -> Record {
    Record {
        epoch: 1,
        partition: row.partition,
        seq: row.seq,
        tenant: row.tenant_id,
        stream: row.stream_id,
        stream_version: row.stream_version,
        event_id: row.event_id,
        type_name: row.r#type.clone(),
        schema_version: row.schema_version,
        recorded_at: row.recorded_micros,
        header: row.header.clone(),
        body: Some(row.body.clone()),
        meta: row.meta.clone(),
    }
}

fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}
