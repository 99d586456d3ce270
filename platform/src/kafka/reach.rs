//! Whether the brokers answer, for whoever diagnoses a deployment. It produces nothing and joins no group.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;

use super::Settings;

const ANSWER_MAX: Duration = Duration::from_secs(5);

/// What the brokers say about themselves and the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    pub brokers: usize,
    pub partitions: usize,
    /// Partitions that nobody can write to now.
    pub leaderless: usize,
}

pub async fn ask(settings: &Settings) -> Result<Reached, KafkaError> {
    let (config, topic) = (settings.client_config(), settings.topic.clone());
    let asking = tokio::task::spawn_blocking(move || {
        let client: BaseConsumer = config.create()?;
        let metadata = client.fetch_metadata(Some(&topic), ANSWER_MAX)?;
        let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
        let leaderless = partitions.clone().filter(|partition| partition.leader() < 0).count();
        Ok(Reached { brokers: metadata.brokers().len(), partitions: partitions.count(), leaderless })
    });
    asking.await.unwrap_or(Err(KafkaError::Canceled))
}
