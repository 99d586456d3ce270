//! The end of partitions in Kafka: the last events there whose positions still mean what they meant. What the log does
//! not have, or has otherwise, betrays a restored backup.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use event_schemas::topic::Record;
use platform::kafka::Settings;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use uuid::Uuid;

use super::log::Epochs;

/// How far back the last valid one is looked for: a relay that was fenced may have left repetitions at the end.
const TAIL_MESSAGES: i64 = 32;
const ASK_MAX: Duration = Duration::from_secs(2);
const READ_MAX: Duration = Duration::from_secs(10);
const POLL_MAX: Duration = Duration::from_millis(100);
/// Assigned by hand, it is in no group; the library wants a name all the same.
const GROUP: &str = "securenet-relay";

/// An event as the topic has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Latest {
    pub epoch: i32,
    pub seq: i64,
    pub event_id: Uuid,
}

/// By partition, where there is one. Blocks for as long as the limits above say.
pub(super) fn of(
    settings: &Settings,
    partitions: &[i16],
    epochs: &Epochs,
) -> Result<BTreeMap<i16, Latest>, KafkaError> {
    let consumer: BaseConsumer = settings.consumer_config(GROUP).create()?;
    let mut ends = BTreeMap::new();
    let mut assignment = TopicPartitionList::new();
    for &partition in partitions {
        let (low, high) = consumer.fetch_watermarks(&settings.topic, partition.into(), ASK_MAX)?;
        if high > low {
            let from = Offset::Offset(low.max(high - TAIL_MESSAGES));
            assignment.add_partition_offset(&settings.topic, partition.into(), from)?;
            ends.insert(i32::from(partition), high);
        }
    }
    consumer.assign(&assignment)?;
    let started = Instant::now();
    let mut latest: BTreeMap<i16, Latest> = BTreeMap::new();
    while !ends.is_empty() {
        if started.elapsed() > READ_MAX {
            return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
        }
        let Some(message) = consumer.poll(POLL_MAX).transpose()? else { continue };
        if ends.get(&message.partition()).is_some_and(|high| message.offset() + 1 >= *high) {
            ends.remove(&message.partition());
        }
        if let Some((partition, found)) = valid(&message, epochs) {
            let newest = latest.entry(partition).or_insert(found);
            if (found.epoch, found.seq) > (newest.epoch, newest.seq) {
                *newest = found;
            }
        }
    }
    Ok(latest)
}

/// A message that is none of ours says nothing about our log.
fn valid(message: &BorrowedMessage<'_>, epochs: &Epochs) -> Option<(i16, Latest)> {
    let headers = message.headers().into_iter().flat_map(Headers::iter);
    let headers = headers.filter_map(|header| header.value.map(|value| (header.key, value)));
    let record = Record::parse(message.partition(), message.key(), headers, message.payload()).ok()?;
    epochs
        .is_valid(record.partition, record.epoch, record.seq)
        .then_some((record.partition, Latest { epoch: record.epoch, seq: record.seq, event_id: record.event_id }))
}
