//! One genuine Kafka broker for this deployment alone, and its topic.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use command_api::TOPIC;
use platform::kafka::{Settings, TopicSettings, topics};
use platform::private_kafka::{SCRIPT, libs};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::sleep;

use super::Here;
use crate::Failure;
use crate::console::say;
use crate::supervisor::Program;

const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// One machine has one copy of everything.
const TOPIC_SETTINGS: TopicSettings = TopicSettings { replication: 1, min_insync_replicas: 1, retention_hours: 168 };

pub(super) struct Broker {
    home: PathBuf,
    /// Where clients are to ask.
    bootstrap: String,
}

impl Broker {
    /// Its data belong to the database's: a new log is no continuation of an old topic.
    pub(super) async fn prepare(here: &Here<'_>) -> Result<Self, Failure> {
        let home = here.directory.path().join("kafka");
        if !here.database.seeded && home.is_dir() {
            fs::remove_dir_all(&home)?;
        }
        let libs = libs();
        if !libs.is_dir() {
            say("fetching Kafka (44 MB, once)");
        }
        let mut command = Command::new(SCRIPT);
        command
            .args([OsStr::new("prepare"), libs.as_os_str(), home.as_os_str()])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some(port) = here.options.kafka_via {
            command.env("KAFKA_VIA", port.to_string());
        }
        let output = command.output().await?;
        if !output.status.success() {
            return Err(format!("Kafka cannot be prepared: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
        }
        Ok(Self { home, bootstrap: String::from_utf8_lossy(&output.stdout).trim().to_owned() })
    }

    pub(super) fn program(&self) -> Program {
        let arguments = ["run".into(), libs().into(), self.home.clone().into(), "1".into()];
        Program {
            role: "kafka".to_owned(),
            program: PathBuf::from(SCRIPT),
            arguments: arguments.to_vec(),
            environment: Vec::new(),
            stop_signal: "TERM",
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.bootstrap
    }

    /// What services are told.
    pub(super) fn settings(&self) -> [(String, String); 1] {
        [("SECURENET_KAFKA_BROKERS".to_owned(), self.bootstrap.clone())]
    }

    /// Waits for the broker, however long it takes; one that dies says so itself.
    pub(super) async fn make_topic(&self) -> Result<(), Failure> {
        while TcpStream::connect(&self.bootstrap).await.is_err() {
            sleep(LOOK_INTERVAL).await;
        }
        let settings = Settings { topic_settings: TOPIC_SETTINGS, ..Settings::plain(&self.bootstrap, TOPIC) };
        topics::apply(&settings).await?;
        Ok(())
    }
}
