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

/// By partition, of those whose ends could be asked for: one without a leader keeps no other from being published. It
/// fails where none could. Blocks for as long as the limits above say.
pub(super) fn of(
    settings: &Settings,
    partitions: &[i16],
    epochs: &Epochs,
) -> Result<BTreeMap<i16, Option<Latest>>, KafkaError> {
    let consumer: BaseConsumer = settings.consumer_config(GROUP).create()?;
    let asked = ask(&consumer, &settings.topic, partitions)?;
    let mut ends = BTreeMap::new();
    let mut assignment = TopicPartitionList::new();
    for (&partition, &(low, high)) in &asked {
        if high > low {
            let from = Offset::Offset(low.max(high - TAIL_MESSAGES));
            assignment.add_partition_offset(&settings.topic, partition.into(), from)?;
            ends.insert(i32::from(partition), high);
        }
    }
    let mut latest: BTreeMap<i16, Option<Latest>> = asked.into_keys().map(|partition| (partition, None)).collect();
    consumer.assign(&assignment)?;
    let started = Instant::now();
    while !ends.is_empty() {
        if started.elapsed() > READ_MAX {
            return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
        }
        let Some(message) = consumer.poll(POLL_MAX).transpose()? else { continue };
        if ends.get(&message.partition()).is_some_and(|high| message.offset() + 1 >= *high) {
            ends.remove(&message.partition());
        }
        if let Some((partition, found)) = valid(&message, epochs) {
            let newest = latest.entry(partition).or_default();
            if newest.is_none_or(|newest| (found.epoch, found.seq) > (newest.epoch, newest.seq)) {
                *newest = Some(found);
            }
        }
    }
    Ok(latest)
}

type Ends = BTreeMap<i16, (i64, i64)>;

/// The first and the next offset of each.
fn ask(consumer: &BaseConsumer, topic: &str, partitions: &[i16]) -> Result<Ends, KafkaError> {
    let started = Instant::now();
    let (mut ends, mut fault) = (Ends::new(), None);
    for &partition in partitions {
        if started.elapsed() > READ_MAX {
            break;
        }
        match consumer.fetch_watermarks(topic, partition.into(), ASK_MAX) {
            Ok(found) => drop(ends.insert(partition, found)),
            Err(error) => fault = Some(error),
        }
    }
    match fault {
        Some(error) if ends.is_empty() => Err(error),
        Some(_) | None => Ok(ends),
    }
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
