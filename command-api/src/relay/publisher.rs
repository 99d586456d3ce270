//! The producer, and what became of each message. One that can no longer promise order is thrown away as a whole; its
//! successor begins at the first gap.
//!
//! A message has no time limit, so a broker that is away refuses none. What is refused for good (too large for the
//! topic, not permitted) would leave a gap before what is queued behind it: `enable.gapless.guarantee` makes that fatal
//! for the producer, and nothing behind a gap reaches the topic.

use std::sync::{Arc, Mutex, PoisonError};

use event_schemas::topic::Record;
use platform::kafka::Settings;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, PurgeConfig, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};
use tokio::sync::Notify;

/// A message's partition and seq travel as one number through the client library: six bits for the partition.
const SEQ_BITS: u32 = 58;
const SEQ_MASK: usize = (1 << SEQ_BITS) - 1;

/// What has been heard of messages since the last look.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub acked: Vec<(i16, i64)>,
    /// Partitions whose message was refused, and why. Those that merely went down with the producer are not among them.
    pub refused: Vec<(i16, RDKafkaErrorCode)>,
    /// The producer is of no use any more.
    pub broken: bool,
}

/// Where the client library's thread leaves what it hears.
#[derive(Clone)]
struct Deliveries {
    heard: Arc<Mutex<Heard>>,
    changed: Arc<Notify>,
}

pub(super) struct Publisher {
    topic: String,
    producer: ThreadedProducer<Deliveries>,
    deliveries: Deliveries,
}

/// The producer holds as much as it may; a delivery makes room.
#[derive(Debug)]
pub(super) struct Full;

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, place: usize) {
        let (partition, seq) = unpacked(place);
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(_) => heard.acked.push((partition, seq)),
            Err((error, _)) => {
                heard.broken = true;
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
                if !went_down_with_others(code) {
                    heard.refused.push((partition, code));
                }
            }
        }
        drop(heard);
        self.changed.notify_one();
    }
}

impl Publisher {
    /// `changed` is told of every delivery.
    pub(super) fn start(settings: &Settings, changed: Arc<Notify>) -> Result<Self, KafkaError> {
        Self::of_config(settings.producer_config(), &settings.topic, changed)
    }

    fn of_config(mut config: ClientConfig, topic: &str, changed: Arc<Notify>) -> Result<Self, KafkaError> {
        let deliveries = Deliveries { heard: Arc::default(), changed };
        config.set("enable.gapless.guarantee", "true");
        let producer = config.create_with_context(deliveries.clone())?;
        Ok(Self { topic: topic.to_owned(), producer, deliveries })
    }

    /// Stamped with the time of sending: by the time of recording, Kafka would at once delete what is older than the
    /// topic's retention, such as the backlog of a topic that is filled anew.
    pub(super) fn send(&self, record: &Record) -> Result<(), Full> {
        let headers = record.headers();
        let owned = headers.iter().fold(OwnedHeaders::new_with_capacity(headers.len()), |owned, (key, value)| {
            owned.insert(Header { key, value: Some(value.as_slice()) })
        });
        let key = record.key();
        let mut message = BaseRecord::<[u8], [u8], usize>::with_opaque_to(&self.topic, packed(record))
            .partition(record.partition.into())
            .key(&key)
            .headers(owned);
        message.payload = record.body.as_deref();
        match self.producer.send(message) {
            Ok(()) => Ok(()),
            Err((error, _)) => {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    self.note_refusal(record.partition, &error);
                }
                Err(Full)
            }
        }
    }

    /// What was heard since the last call.
    pub(super) fn heard(&self) -> Heard {
        std::mem::take(&mut *self.deliveries.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives up all that is not acknowledged, and answers what was heard until then. Takes up to a second.
    pub(super) async fn purge(self) -> Heard {
        let deliveries = self.deliveries.clone();
        let purged = tokio::task::spawn_blocking(move || {
            self.producer.purge(PurgeConfig::default().queue().inflight());
            drop(self.producer); // waits for what the purge made ready
        });
        purged.await.ok();
        std::mem::take(&mut *deliveries.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Before a message even reached the producer's queue: unknown topic or partition, too large, a fatal state.
    fn note_refusal(&self, partition: i16, error: &KafkaError) {
        let mut heard = self.deliveries.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.broken = true;
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        if !went_down_with_others(code) {
            heard.refused.push((partition, code));
        }
    }
}

/// The message itself was in order; its producer or a neighbour was not.
fn went_down_with_others(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{BrokerDestroy, Fatal, GaplessGuarantee, PurgeInflight, PurgeQueue};
    [BrokerDestroy, Fatal, GaplessGuarantee, PurgeInflight, PurgeQueue].contains(&code)
}

fn packed(record: &Record) -> usize {
    (usize::from(record.partition.unsigned_abs()) << SEQ_BITS) | (record.seq as usize & SEQ_MASK)
}

fn unpacked(place: usize) -> (i16, i64) {
    ((place >> SEQ_BITS) as i16, (place & SEQ_MASK) as i64)
}

#[cfg(test)]
mod tests;
