use rdkafka::consumer::BaseConsumer;
use rdkafka::producer::{BaseProducer, Producer};

use super::topics::{Applied, TopicError, apply};
use super::*;
use crate::env::{Env, Faults, Secret};
use crate::private_kafka::{PrivateKafka, PrivateKafkaOptions, SecureListener};

fn from(pairs: &[(&str, &str)]) -> (Option<Settings>, Result<(), Faults>) {
    let env = Env::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let settings = Settings::from_env(&env, "topic");
    (settings, env.finish())
}

fn fault(pairs: &[(&str, &str)]) -> String {
    let brokers = [("SECURENET_KAFKA_BROKERS", "a:1")];
    from(&[&brokers, pairs].concat()).1.unwrap_err().to_string()
}

#[test]
fn without_brokers_there_is_no_kafka() {
    let (settings, faults) = from(&[("SECURENET_KAFKA_TOPIC", "x")]);
    assert!(settings.is_none() && faults.is_ok());
}

#[test]
fn brokers_alone_are_enough() {
    let (settings, faults) = from(&[("SECURENET_KAFKA_BROKERS", "a:1,b:2")]);
    let settings = settings.unwrap();
    assert_eq!(faults, Ok(()));
    assert_eq!((settings.topic.as_str(), settings.group.as_str()), ("topic", "securenet-projector"));
    assert_eq!(settings.client_config().get("security.protocol"), Some("plaintext"));
    let expected = TopicSettings { replication: 3, min_insync_replicas: 2, retention_hours: 168 };
    assert_eq!(settings.topic_settings, expected);
}

#[test]
fn settings_that_contradict_each_other_are_faults() {
    for (pairs, part) in [
        (&[("SECURENET_KAFKA_SASL_USERNAME", "u")][..], "belong together"),
        (&[("SECURENET_KAFKA_TLS_CA", "/nowhere")], "names no file"),
        (&[("SECURENET_KAFKA_TLS", "maybe")], "on or off"),
        (&[("SECURENET_KAFKA_TLS_KEY", "/dev/null")], "belong together"),
        (&[("SECURENET_KAFKA_REPLICATION", "1"), ("SECURENET_KAFKA_MIN_INSYNC_REPLICAS", "2")], "nothing could"),
        (&[("SECURENET_KAFKA_REPLICATION", "0")], "must lie between"),
        (
            &[
                ("SECURENET_KAFKA_TLS", "on"),
                ("SECURENET_KAFKA_SASL_MECHANISM", "PLAIN"),
                ("SECURENET_KAFKA_SASL_USERNAME", "u"),
                ("SECURENET_KAFKA_SASL_PASSWORD", "p"),
            ],
            "only SCRAM",
        ),
        (
            &[
                ("SECURENET_KAFKA_SASL_MECHANISM", "SCRAM-SHA-256"),
                ("SECURENET_KAFKA_SASL_USERNAME", "u"),
                ("SECURENET_KAFKA_SASL_PASSWORD", "p"),
            ],
            "anybody may listen",
        ),
    ] {
        let fault = fault(pairs);
        assert!(fault.contains(part), "{fault}");
    }
}

#[tokio::test]
async fn the_client_library_knows_every_setting() {
    let (settings, faults) = from(&[
        ("SECURENET_KAFKA_BROKERS", "127.0.0.1:1"),
        ("SECURENET_KAFKA_TLS", "on"),
        ("SECURENET_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
        ("SECURENET_KAFKA_SASL_USERNAME", "u"),
        ("SECURENET_KAFKA_SASL_PASSWORD", "p"),
    ]);
    assert_eq!(faults, Ok(()));
    for settings in [settings.unwrap(), Settings::plain("127.0.0.1:1", "t")] {
        settings.producer_config().create::<BaseProducer>().unwrap();
        settings.consumer_config("g").create::<BaseConsumer>().unwrap();
    }
}

#[test]
fn a_password_is_never_shown() {
    let mut settings = Settings::plain("a:1", "t");
    let password = Secret::new("hunter2".to_owned());
    settings.sasl = Some(Sasl { mechanism: Mechanism::ScramSha256, username: "u".to_owned(), password });
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_made_once_and_compared_ever_after() {
    let kafka = crate::testing::kafka().await;
    let settings = Settings::plain(kafka.bootstrap(), &kafka.topic());
    let (one, other) = tokio::join!(apply(&settings), apply(&settings));
    let mut applied = [one.unwrap(), other.unwrap()];
    applied.sort_by_key(|applied| *applied == Applied::Found);
    assert_eq!(applied[1], Applied::Found, "one of two makes it at most");
    assert_eq!(apply(&settings).await.unwrap(), Applied::Found);

    let mut other = settings.clone();
    other.topic_settings = TopicSettings { replication: 2, min_insync_replicas: 2, retention_hours: 1 };
    let Err(TopicError::Differs { differences, .. }) = apply(&other).await else {
        panic!("the topic has other values");
    };
    let expected = [
        "replication 1 instead of 2",
        "min.insync.replicas is 1 instead of 2",
        "retention.ms is 604800000 instead of 3600000",
    ];
    assert_eq!(differences, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_replicas_than_brokers_are_refused() {
    let kafka = crate::testing::kafka().await;
    let mut settings = Settings::plain(kafka.bootstrap(), &kafka.topic());
    settings.topic_settings.replication = 3;
    assert!(matches!(apply(&settings).await, Err(TopicError::Refused { .. })));
}

/// A key and its own certificate for 127.0.0.1, made by the system's tool.
fn certificate(directory: &std::path::Path) -> std::path::PathBuf {
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
                     -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out certificate.pem";
    let made = std::process::Command::new("openssl").args(arguments.split_whitespace()).current_dir(directory).output();
    let made = made.expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let read = |name| std::fs::read_to_string(directory.join(name)).unwrap();
    std::fs::write(directory.join("both.pem"), read("key.pem") + &read("certificate.pem")).unwrap();
    directory.join("both.pem")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_wants_tls_and_scram_is_reached_with_them_and_not_without() {
    let directory = std::env::temp_dir().join(format!("securenet-kafka-tls-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let secure = SecureListener { user: "relay".into(), password: "secret".into(), pem: certificate(&directory) };
    let options = PrivateKafkaOptions { secure: Some(secure), ..PrivateKafkaOptions::default() };
    let started = tokio::task::spawn_blocking(|| PrivateKafka::temporary_with(1, options)).await.unwrap();
    let kafka = started.unwrap();
    let mut settings = Settings::plain(&kafka.secure_bootstrap(), "secured");
    settings.tls = Some(Tls { ca: Some(directory.join("certificate.pem")), identity: None });
    let sasl = |mechanism, password: &str| {
        let password = Secret::new(password.to_owned());
        Some(Sasl { mechanism, username: "relay".to_owned(), password })
    };
    settings.sasl = sasl(Mechanism::ScramSha512, "secret");
    assert_eq!(apply(&settings).await.unwrap(), Applied::Made);
    settings.sasl = sasl(Mechanism::ScramSha256, "secret");
    assert_eq!(apply(&settings).await.unwrap(), Applied::Found);

    let is_refused = |settings: &Settings| {
        let client: BaseProducer = settings.client_config().create().unwrap();
        client.client().fetch_metadata(None, std::time::Duration::from_secs(2)).is_err()
    };
    let mut stranger = settings.clone();
    stranger.sasl = sasl(Mechanism::ScramSha256, "guessed");
    assert!(is_refused(&stranger));
    let mut trusting = settings.clone();
    trusting.tls = Some(Tls::default());
    assert!(is_refused(&trusting), "a certificate of no known authority is not trusted");
    std::fs::remove_dir_all(directory).unwrap();
}
