//! Settings from the environment → client configurations.
//!
//! | setting | holds | default |
//! |---|---|---|
//! | `SECURENET_KAFKA_BROKERS` | `host:port,host:port`; unset: no Kafka | – |
//! | `SECURENET_KAFKA_TOPIC` | the topic of events | the caller's |
//! | `SECURENET_KAFKA_GROUP` | the projectors' consumer group | `securenet-projector` |
//! | `SECURENET_KAFKA_TLS` | `on` or `off` | `on` where a file below is set |
//! | `SECURENET_KAFKA_TLS_CA` | file of the authorities to trust, PEM | the system's |
//! | `SECURENET_KAFKA_TLS_CERTIFICATE`, `…_TLS_KEY` | files of a client's own, PEM | – |
//! | `SECURENET_KAFKA_SASL_MECHANISM` | `SCRAM-SHA-256` or `SCRAM-SHA-512` | none |
//! | `SECURENET_KAFKA_SASL_USERNAME`, `…_SASL_PASSWORD` (or `…_PASSWORD_FILE`) | | – |
//! | `SECURENET_KAFKA_REPLICATION`, `…_MIN_INSYNC_REPLICAS`, `…_RETENTION_HOURS` | of the topic, when it is made | 3, 2, 168 |

use std::path::PathBuf;
use std::str::FromStr;

use rdkafka::ClientConfig;

use crate::env::{Env, Environment, Secret};

const GROUP: &str = "securenet-projector";
const REPLICATION: i32 = 3;
const MIN_INSYNC_REPLICAS: i32 = 2;
const RETENTION_HOURS: u32 = 7 * 24;
const RETENTION_HOURS_MAX: u32 = 24 * 366;
/// Kafka's own limit is far beyond what anybody runs.
const REPLICATION_MAX: i32 = 15;

/// Waiting this long for company makes batches; a reader that waits for its own write hardly notices.
const LINGER_MILLISECONDS: &str = "2";
/// What a producer may hold, sent or not, before it says that its queue is full.
const QUEUE_MESSAGES_MAX: &str = "50000";
const QUEUE_KILOBYTES_MAX: &str = "32768";
/// Of one partition's batch.
const BATCH_BYTES_MAX: &str = "524288";
/// What a consumer may have fetched ahead.
const FETCHED_KILOBYTES_MAX: &str = "16384";
/// A broker answers a fetch at the latest after this, so that an idle topic is not stale for long.
const FETCH_WAIT_MILLISECONDS: &str = "5";
/// How fast a lost broker is asked again, at first and at most.
const RECONNECT_MILLISECONDS: &str = "50";
const RECONNECT_MILLISECONDS_MAX: &str = "2000";

#[derive(Clone, Debug)]
pub struct Settings {
    pub brokers: String,
    pub topic: String,
    pub group: String,
    pub tls: Option<Tls>,
    pub sasl: Option<Sasl>,
    pub topic_settings: TopicSettings,
}

/// What a topic is made with, and must have been made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicSettings {
    pub replication: i32,
    pub min_insync_replicas: i32,
    pub retention_hours: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The system's where there is none.
    pub ca: Option<PathBuf>,
    pub identity: Option<TlsIdentity>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsIdentity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone, Debug)]
pub struct Sasl {
    pub mechanism: Mechanism,
    pub username: String,
    pub password: Secret,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    ScramSha256,
    ScramSha512,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Switch {
    On,
    Off,
}

impl Settings {
    /// `None` where the deployment has no Kafka.
    pub fn from_env(env: &Env, topic: &str) -> Option<Self> {
        let brokers = env.optional("SECURENET_KAFKA_BROKERS")?;
        let tls = tls(env);
        let sasl = sasl(env);
        if sasl.is_some() && tls.is_none() && env.environment() == Environment::Production {
            env.fault(
                "SECURENET_KAFKA_SASL_MECHANISM without SECURENET_KAFKA_TLS would log in where anybody may listen",
            );
        }
        Some(Self {
            brokers,
            topic: env.optional("SECURENET_KAFKA_TOPIC").unwrap_or_else(|| topic.to_owned()),
            group: env.optional("SECURENET_KAFKA_GROUP").unwrap_or_else(|| GROUP.to_owned()),
            tls,
            sasl,
            topic_settings: topic_settings(env),
        })
    }

    /// Without encryption and log in, as on one machine and in tests.
    pub fn plain(brokers: &str, topic: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            topic: topic.to_owned(),
            group: GROUP.to_owned(),
            tls: None,
            sasl: None,
            topic_settings: TopicSettings { replication: 1, min_insync_replicas: 1, retention_hours: RETENTION_HOURS },
        }
    }

    /// Loses nothing and reorders nothing: with the default time limit of a message, a broker that is away for five
    /// minutes would silently punch holes.
    pub fn producer_config(&self) -> ClientConfig {
        let mut config = self.client_config();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", "0")
            .set("compression.type", "zstd")
            .set("linger.ms", LINGER_MILLISECONDS)
            .set("batch.size", BATCH_BYTES_MAX)
            .set("queue.buffering.max.messages", QUEUE_MESSAGES_MAX)
            .set("queue.buffering.max.kbytes", QUEUE_KILOBYTES_MAX);
        config
    }

    /// Commits nothing by itself: the projection's own checkpoint decides.
    pub fn consumer_config(&self, group: &str) -> ClientConfig {
        let mut config = self.client_config();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("allow.auto.create.topics", "false")
            .set("fetch.wait.max.ms", FETCH_WAIT_MILLISECONDS)
            .set("queued.max.messages.kbytes", FETCHED_KILOBYTES_MAX);
        config
    }

    /// What every client shares: where, and as whom.
    pub fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("client.id", "securenet")
            .set("bootstrap.servers", &self.brokers)
            .set("reconnect.backoff.ms", RECONNECT_MILLISECONDS)
            .set("reconnect.backoff.max.ms", RECONNECT_MILLISECONDS_MAX)
            .set("security.protocol", self.protocol());
        if let Some(tls) = &self.tls {
            set_tls(&mut config, tls);
        }
        if let Some(sasl) = &self.sasl {
            config
                .set("sasl.mechanism", sasl.mechanism.as_str())
                .set("sasl.username", &sasl.username)
                .set("sasl.password", sasl.password.expose());
        }
        config
    }

    const fn protocol(&self) -> &'static str {
        match (&self.tls, &self.sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        }
    }
}

fn set_tls(config: &mut ClientConfig, tls: &Tls) {
    config.set("ssl.endpoint.identification.algorithm", "https");
    if let Some(ca) = &tls.ca {
        config.set("ssl.ca.location", ca.to_string_lossy());
    }
    if let Some(identity) = &tls.identity {
        config
            .set("ssl.certificate.location", identity.certificate.to_string_lossy())
            .set("ssl.key.location", identity.key.to_string_lossy());
    }
}

fn tls(env: &Env) -> Option<Tls> {
    let file = |name: &str| {
        let path = PathBuf::from(env.optional(name)?);
        if !path.is_file() {
            env.fault(format!("{name} names no file"));
        }
        Some(path)
    };
    let ca = file("SECURENET_KAFKA_TLS_CA");
    let identity = match (file("SECURENET_KAFKA_TLS_CERTIFICATE"), file("SECURENET_KAFKA_TLS_KEY")) {
        (Some(certificate), Some(key)) => Some(TlsIdentity { certificate, key }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            env.fault("SECURENET_KAFKA_TLS_CERTIFICATE and SECURENET_KAFKA_TLS_KEY belong together");
            None
        }
    };
    let default = if ca.is_some() || identity.is_some() { Switch::On } else { Switch::Off };
    let tls = Tls { ca, identity };
    match env.parse("SECURENET_KAFKA_TLS", default) {
        Switch::On => Some(tls),
        Switch::Off if tls == Tls::default() => None,
        Switch::Off => {
            env.fault("SECURENET_KAFKA_TLS is off, yet files for it are set");
            None
        }
    }
}

fn sasl(env: &Env) -> Option<Sasl> {
    let mechanism = env.optional("SECURENET_KAFKA_SASL_MECHANISM");
    let username = env.optional("SECURENET_KAFKA_SASL_USERNAME");
    let password = env.optional_secret("SECURENET_KAFKA_SASL_PASSWORD");
    match (mechanism, username, password) {
        (Some(mechanism), Some(username), Some(password)) => {
            let mechanism = env.check("SECURENET_KAFKA_SASL_MECHANISM", mechanism.parse())?;
            Some(Sasl { mechanism, username, password })
        }
        (None, None, None) => None,
        _ => {
            env.fault("SECURENET_KAFKA_SASL_MECHANISM, …_USERNAME and …_PASSWORD belong together");
            None
        }
    }
}

fn topic_settings(env: &Env) -> TopicSettings {
    let replication = env.bounded("SECURENET_KAFKA_REPLICATION", REPLICATION, 1..=REPLICATION_MAX);
    let default = MIN_INSYNC_REPLICAS.min(replication);
    let min_insync_replicas = env.bounded("SECURENET_KAFKA_MIN_INSYNC_REPLICAS", default, 1..=REPLICATION_MAX);
    if min_insync_replicas > replication {
        env.fault("SECURENET_KAFKA_MIN_INSYNC_REPLICAS is above SECURENET_KAFKA_REPLICATION: nothing could be written");
    }
    let retention_hours = env.bounded("SECURENET_KAFKA_RETENTION_HOURS", RETENTION_HOURS, 1..=RETENTION_HOURS_MAX);
    TopicSettings { replication, min_insync_replicas, retention_hours }
}

impl Mechanism {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl FromStr for Mechanism {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::ScramSha256, Self::ScramSha512]
            .into_iter()
            .find(|mechanism| mechanism.as_str() == text)
            .ok_or("only SCRAM-SHA-256 and SCRAM-SHA-512 are known")
    }
}

impl FromStr for Switch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err("it is on or off"),
        }
    }
}
