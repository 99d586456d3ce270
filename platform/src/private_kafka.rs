//! A Kafka of one machine alone: genuine brokers as children, for the deployment on one machine, for tests and for
//! benchmarks. `dev-tools/kafka/kafka` does the work; this makes sure that the brokers end with whoever started them.
//!
//! A watchdog shell holds the other end of a pipe: when the pipe closes, by a drop, an exit or a kill -9, it ends the
//! brokers. It makes no topic, and is never part of a service. Everything here blocks for seconds.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where the recipe lies in the source tree, which whoever starts brokers has at hand.
pub const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dev-tools/kafka/kafka");
/// Cargo marks its target directory with it.
const TARGET_MARK: &str = "CACHEDIR.TAG";

#[derive(Debug, thiserror::Error)]
pub enum PrivateKafkaError {
    #[error("{SCRIPT} cannot be run")]
    NotRun(#[source] io::Error),
    #[error("{}: {what}", .path.display())]
    Io { path: PathBuf, what: &'static str, source: io::Error },
    /// With what the script said: Java or Maven missing, a broker that died.
    #[error("kafka {verb} failed: {said}")]
    Failed { verb: &'static str, said: String },
}

/// What becomes of the data with the end of this value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    /// Brokers stop as an administrator would stop them, and find their data again.
    Data,
    Nothing,
}

/// What a broker beyond the plain one is given.
#[derive(Debug, Clone, Default)]
pub struct PrivateKafkaOptions {
    /// Of the Java machine, instead of the script's own frugal ones.
    pub java: Option<String>,
    pub secure: Option<SecureListener>,
}

/// A second listener, on the broker's port + 2, that wants TLS and SCRAM.
#[derive(Debug, Clone)]
pub struct SecureListener {
    pub user: String,
    pub password: String,
    /// The server's unencrypted PKCS#8 key and its certificate, as PEM.
    pub pem: PathBuf,
}

/// Running brokers, numbered from 1.
pub struct PrivateKafka {
    dir: PathBuf,
    libs: PathBuf,
    brokers: usize,
    bootstrap: String,
    options: PrivateKafkaOptions,
    watchdog: Mutex<Child>,
    /// Open for as long as the brokers are wanted.
    lifeline: Option<ChildStdin>,
}

impl PrivateKafka {
    /// One broker or three on the data of `dir`, or on new data. It outlives them.
    pub fn start(dir: &Path, brokers: usize) -> Result<Self, PrivateKafkaError> {
        Self::start_with(dir, brokers, PrivateKafkaOptions::default())
    }

    pub fn start_with(dir: &Path, brokers: usize, options: PrivateKafkaOptions) -> Result<Self, PrivateKafkaError> {
        Self::launch(dir.to_owned(), brokers, options, Leave::Data)
    }

    /// On a temporary directory that is gone afterwards.
    pub fn temporary(brokers: usize) -> Result<Self, PrivateKafkaError> {
        Self::temporary_with(brokers, PrivateKafkaOptions::default())
    }

    pub fn temporary_with(brokers: usize, options: PrivateKafkaOptions) -> Result<Self, PrivateKafkaError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("securenet-kafka-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self::launch(std::env::temp_dir().join(name), brokers, options, Leave::Nothing)
    }

    /// `host:port` of every broker, whether it runs or not.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The same of the listeners that want TLS and SCRAM.
    pub fn secure_bootstrap(&self) -> String {
        let secure = |address: &str| {
            let (host, port) = address.rsplit_once(':').expect("the script prints host:port");
            format!("{host}:{}", port.parse::<u16>().expect("a port is a number") + 2)
        };
        self.bootstrap.split(',').map(secure).collect::<Vec<String>>().join(",")
    }

    pub fn brokers(&self) -> usize {
        self.brokers
    }

    /// Data, settings and logs, a folder a broker.
    pub fn directory(&self) -> &Path {
        &self.dir
    }

    /// For signals; none where the broker does not run.
    pub fn pid(&self, broker: usize) -> Option<u32> {
        std::fs::read_to_string(self.dir.join(broker.to_string()).join("pid")).ok()?.trim().parse().ok()
    }

    /// Ends one as a crash would.
    pub fn kill_9(&self, broker: usize) -> Result<(), PrivateKafkaError> {
        self.script("kill", &[self.dir.as_os_str(), broker.to_string().as_ref()]).map(drop)
    }

    /// Ends all, as an administrator would.
    pub fn stop(&self) -> Result<(), PrivateKafkaError> {
        self.script("stop", &[self.dir.as_os_str()]).map(drop)
    }

    pub fn stop_one(&self, broker: usize) -> Result<(), PrivateKafkaError> {
        self.script("stop", &[self.dir.as_os_str(), broker.to_string().as_ref()]).map(drop)
    }

    /// Starts one again on its port and data, and waits until it serves.
    pub fn start_again(&self, broker: usize) -> Result<(), PrivateKafkaError> {
        self.script("resume", &[self.libs.as_os_str(), self.dir.as_os_str(), broker.to_string().as_ref()]).map(drop)
    }

    /// Starts all again after a stop: three need each other to become ready.
    pub fn start_all_again(&self) -> Result<(), PrivateKafkaError> {
        let count = self.brokers.to_string();
        self.script("start", &[self.libs.as_os_str(), self.dir.as_os_str(), count.as_ref()]).map(drop)
    }

    fn launch(
        dir: PathBuf,
        brokers: usize,
        options: PrivateKafkaOptions,
        leave: Leave,
    ) -> Result<Self, PrivateKafkaError> {
        let io_error = |what| {
            let path = dir.clone();
            move |source| PrivateKafkaError::Io { path, what, source }
        };
        std::fs::create_dir_all(&dir).map_err(io_error("cannot be made"))?;
        let dir = dir.canonicalize().map_err(io_error("cannot be found"))?;
        let mut watchdog = watch(&dir, leave).map_err(PrivateKafkaError::NotRun)?;
        let mut kafka = Self {
            lifeline: watchdog.stdin.take(),
            watchdog: Mutex::new(watchdog),
            dir,
            libs: libs(),
            brokers,
            bootstrap: String::new(),
            options,
        };
        let count = brokers.to_string();
        let arguments = [kafka.libs.as_os_str(), kafka.dir.as_os_str(), count.as_ref()];
        kafka.bootstrap = kafka.script("start", &arguments)?.trim().to_owned();
        Ok(kafka)
    }

    fn script(&self, verb: &'static str, arguments: &[&std::ffi::OsStr]) -> Result<String, PrivateKafkaError> {
        let mut command = Command::new(SCRIPT);
        // In a process group of its own, so that a Ctrl-C stops the services first.
        command.arg(verb).args(arguments).stdin(Stdio::null()).process_group(0);
        if let Some(java) = &self.options.java {
            command.env("KAFKA_JAVA_OPTS", java);
        }
        if let Some(secure) = &self.options.secure {
            command.env("KAFKA_SCRAM", format!("{}={}", secure.user, secure.password)).env("KAFKA_PEM", &secure.pem);
        }
        let output = command.output().map_err(PrivateKafkaError::NotRun)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(PrivateKafkaError::Failed { verb, said: said(&output) })
        }
    }
}

impl Drop for PrivateKafka {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // So that the brokers are gone when the owner says they are.
        self.watchdog.get_mut().map(|watchdog| watchdog.wait().ok()).ok();
    }
}

/// In a process group of its own, so that what ends the owner does not end it.
fn watch(dir: &Path, leave: Leave) -> io::Result<Child> {
    let leave = match leave {
        Leave::Data => "keep",
        Leave::Nothing => "remove",
    };
    Command::new("sh")
        .args(["-c", r#"cat >/dev/null; exec "$1" reap "$2" "$3""#, "watchdog", SCRIPT])
        .arg(dir)
        .arg(leave)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// The jars' folder below cargo's target directory, wherever that is; without one, among temporary files.
pub fn libs() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().find(|folder| folder.join(TARGET_MARK).is_file());
    target.map_or_else(|| std::env::temp_dir().join("securenet-kafka-libs"), |target| target.join("kafka-libs"))
}

fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&text).trim().to_owned()
}

#[cfg(test)]
mod tests;
