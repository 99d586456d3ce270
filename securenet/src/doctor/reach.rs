//! Whether Redis and Kafka answer, where they are configured. A deployment without them is told nothing.

use std::time::Duration;

use command_api::TOPIC;
use platform::env::Env;
use platform::{kafka, redis};
use prometheus::Registry;

use super::finding::Finding;

const ANSWER_MAX: Duration = Duration::from_secs(5);
const PARTITIONS: usize = 64;

pub(super) struct Settings {
    redis: Option<redis::Settings>,
    kafka: Option<kafka::Settings>,
}

impl Settings {
    pub(super) fn from_env(env: &Env) -> Self {
        Self { redis: redis::Settings::from_env(env), kafka: kafka::Settings::from_env(env, TOPIC) }
    }
}

pub(super) async fn check(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![];
    if let Some(settings) = &settings.redis {
        findings.push(ask_redis(settings.clone()).await);
    }
    if let Some(settings) = &settings.kafka {
        findings.push(ask_kafka(settings).await);
    }
    findings
}

async fn ask_redis(settings: redis::Settings) -> Finding {
    let metrics = redis::Metrics::register(&Registry::new()).expect("a registry of its own has room for them");
    let redis = redis::Redis::start(settings, metrics);
    if tokio::time::timeout(ANSWER_MAX, redis.connected()).await.is_ok() {
        return Finding::note("redis", "connection", "it answers".to_owned());
    }
    Finding::warning("redis", "connection", "it does not answer: slower, never wrong".to_owned())
        .mend("check SECURENET_REDIS_URL, its password file and its TLS authority")
}

async fn ask_kafka(settings: &kafka::Settings) -> Finding {
    let mend = "check SECURENET_KAFKA_BROKERS and its TLS and SASL settings";
    match kafka::reach::ask(settings).await {
        Err(error) => Finding::bad("kafka", "brokers", format!("they do not answer: {error}")).mend(mend),
        Ok(reached) if reached.partitions != PARTITIONS => {
            let says = format!("the topic has {} partitions, not {PARTITIONS}", reached.partitions);
            Finding::bad("kafka", &settings.topic, says).mend("securenet topics apply")
        }
        Ok(reached) if reached.leaderless > 0 => {
            let says = format!("{} partitions have no leader", reached.leaderless);
            Finding::bad("kafka", &settings.topic, says).mend("bring the brokers that hold them back")
        }
        Ok(reached) => {
            let says = format!("{} brokers, {} partitions, each with a leader", reached.brokers, reached.partitions);
            Finding::note("kafka", &settings.topic, says)
        }
    }
}
