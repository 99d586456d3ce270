//! The topic of events: made once, and compared ever after. It never changes or deletes a topic: another number of
//! partitions would tear the log's order apart, and the rest is an operator's decision.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;

use super::Settings;
use crate::position::PARTITIONS;

/// A cluster that answers at all answers by then.
const REQUEST_MAX: Duration = Duration::from_secs(30);
/// Until each partition of a new topic has its leader.
const LEADERS_MAX: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
const MILLISECONDS_PER_HOUR: u64 = 3_600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    Made,
    /// It was there, as it should be.
    Found,
}

#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    #[error("Kafka cannot be asked about its topics")]
    Kafka(#[from] KafkaError),
    #[error("the topic {topic} cannot be made: {code}")]
    Refused { topic: String, code: RDKafkaErrorCode },
    /// With one line a difference.
    #[error("the topic {topic} exists and is another: {}", .differences.join("; "))]
    Differs { topic: String, differences: Vec<String> },
    #[error("the topic {topic} was made, and after {LEADERS_MAX:?} some partition still has no leader")]
    NoLeaders { topic: String },
}

/// Makes the topic, or says in what the one that exists differs. Safe to repeat, also by several at once.
pub async fn apply(settings: &Settings) -> Result<Applied, TopicError> {
    let admin: Admin = Arc::new(settings.client_config().create()?);
    if let Some(found) = find(&admin, &settings.topic).await? {
        compare(&admin, settings, &found).await?;
        return Ok(Applied::Found);
    }
    match create(&admin, settings).await? {
        Ok(()) => {
            wait_for_leaders(&admin, &settings.topic).await?;
            Ok(Applied::Made)
        }
        Err(RDKafkaErrorCode::TopicAlreadyExists) => {
            let found = wait_for_leaders(&admin, &settings.topic).await?;
            compare(&admin, settings, &found).await?;
            Ok(Applied::Found)
        }
        Err(code) => Err(TopicError::Refused { topic: settings.topic.clone(), code }),
    }
}

/// A topic as the cluster's metadata tells of it.
struct Found {
    partitions: usize,
    /// Of the partition that has the fewest.
    replication: usize,
    leaders: bool,
}

impl From<&MetadataTopic> for Found {
    fn from(topic: &MetadataTopic) -> Self {
        let partitions = topic.partitions();
        Self {
            partitions: partitions.len(),
            replication: partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or(0),
            leaders: !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0),
        }
    }
}

type Admin = Arc<AdminClient<DefaultClientContext>>;

/// All topics are asked for: to ask for one by name may make it, with whatever the cluster thinks right.
async fn find(admin: &Admin, topic: &str) -> Result<Option<Found>, KafkaError> {
    let (admin, topic) = (Arc::clone(admin), topic.to_owned());
    let asked = tokio::task::spawn_blocking(move || {
        let metadata = admin.inner().fetch_metadata(None, REQUEST_MAX)?;
        Ok(metadata.topics().iter().find(|found| found.name() == topic).map(Found::from))
    });
    asked.await.unwrap_or(Err(KafkaError::Canceled))
}

async fn create(admin: &Admin, settings: &Settings) -> Result<Result<(), RDKafkaErrorCode>, KafkaError> {
    let values = values(settings);
    let replication = TopicReplication::Fixed(settings.topic_settings.replication);
    let mut topic = NewTopic::new(&settings.topic, i32::from(PARTITIONS), replication);
    for (name, value) in &values {
        topic = topic.set(name, value);
    }
    let options = AdminOptions::new().operation_timeout(Some(REQUEST_MAX)).request_timeout(Some(REQUEST_MAX));
    let made = admin.create_topics([&topic], &options).await?.into_iter().next();
    Ok(made.unwrap_or(Ok(settings.topic.clone())).map(drop).map_err(|(_, code)| code))
}

async fn wait_for_leaders(admin: &Admin, topic: &str) -> Result<Found, TopicError> {
    let started = tokio::time::Instant::now();
    while started.elapsed() < LEADERS_MAX {
        if let Some(found) = find(admin, topic).await?.filter(|found| found.leaders) {
            return Ok(found);
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Err(TopicError::NoLeaders { topic: topic.to_owned() })
}

async fn compare(admin: &Admin, settings: &Settings, found: &Found) -> Result<(), TopicError> {
    let topic = settings.topic.clone();
    let options = AdminOptions::new().request_timeout(Some(REQUEST_MAX));
    let described = admin.describe_configs([&ResourceSpecifier::Topic(&topic)], &options).await?.into_iter().next();
    let has = match described {
        Some(Ok(resource)) => resource.entries.into_iter().map(|entry| (entry.name, entry.value)).collect(),
        Some(Err(code)) => return Err(TopicError::Refused { topic, code }),
        None => BTreeMap::new(),
    };
    let differences = differences(settings, found, &has);
    if differences.is_empty() { Ok(()) } else { Err(TopicError::Differs { topic, differences }) }
}

fn differences(settings: &Settings, found: &Found, has: &BTreeMap<String, Option<String>>) -> Vec<String> {
    let wanted = settings.topic_settings;
    let mut differences = vec![];
    if found.partitions != usize::from(PARTITIONS.unsigned_abs()) {
        differences.push(format!("{} partitions instead of {PARTITIONS}", found.partitions));
    }
    if i32::try_from(found.replication) != Ok(wanted.replication) {
        differences.push(format!("replication {} instead of {}", found.replication, wanted.replication));
    }
    for (name, value) in values(settings) {
        let has = has.get(name).cloned().flatten().unwrap_or_default();
        if has != value {
            differences.push(format!("{name} is {has} instead of {value}"));
        }
    }
    differences
}

/// Never compacted: a purged event has a null value, and would take its whole stream with it.
fn values(settings: &Settings) -> [(&'static str, String); 3] {
    let wanted = settings.topic_settings;
    [
        ("cleanup.policy", "delete".to_owned()),
        ("min.insync.replicas", wanted.min_insync_replicas.to_string()),
        ("retention.ms", (u64::from(wanted.retention_hours) * MILLISECONDS_PER_HOUR).to_string()),
    ]
}
