//! A real Kafka for tests, shared by those of one process, each with a topic of its own.
//!
//! `SECURENET_TEST_KAFKA` names a running one (`host:port`); without it a private broker is started at the first call and
//! ends with the process, however that ends.

use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::private_kafka::PrivateKafka;

static SHARED: OnceCell<TestKafka> = OnceCell::const_new();

pub struct TestKafka {
    bootstrap: String,
    /// Held for its drop alone; a shared one lives as long as the process.
    private: Option<PrivateKafka>,
}

/// The one of this process.
pub async fn kafka() -> &'static TestKafka {
    SHARED
        .get_or_init(|| async {
            match std::env::var("SECURENET_TEST_KAFKA") {
                Ok(bootstrap) => TestKafka { bootstrap, private: None },
                Err(_) => TestKafka::private(1).await,
            }
        })
        .await
}

impl TestKafka {
    /// One broker or three, that a test may stop and kill without harm to others.
    pub async fn private(brokers: usize) -> Self {
        let started = tokio::task::spawn_blocking(move || PrivateKafka::temporary(brokers)).await;
        let kafka = started.expect("a start does not panic").expect("Kafka starts (Java and Maven are installed)");
        Self { bootstrap: kafka.bootstrap().to_owned(), private: Some(kafka) }
    }

    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The brokers themselves, where they are private.
    pub fn server(&self) -> Option<&PrivateKafka> {
        self.private.as_ref()
    }

    /// A topic's name that no other test has. Nobody has made the topic yet.
    pub fn topic(&self) -> String {
        format!("securenet.test.{}", Uuid::now_v7().simple())
    }
}
