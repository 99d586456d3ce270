//! The real binary, `securenet up`, in a directory and on ports of its own: what HTTP figures are measured against.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use platform::private_postgres::SUPERUSER;
use serde_json::json;

use crate::client::Client;
use crate::{Failed, Outcome};

/// From the first start to ready, initdb and seed included.
const READY_MAX: Duration = Duration::from_secs(120);
/// Of postmaster.pid, behind the process, its data and its start.
const PORT_LINE: usize = 3;

/// Far above what any load reaches, so that what limiting costs is measured and nobody is refused.
const LIMITS: [(&str, &str); 5] = [
    ("SECURENET_RATE_LIMIT_ADDRESS", "1000000/1000000"),
    ("SECURENET_RATE_LIMIT_LOG_IN", "1000000/1000000"),
    ("SECURENET_RATE_LIMIT_USER", "1000000/1000000"),
    ("SECURENET_RATE_LIMIT_KEY", "1000000/1000000"),
    ("SECURENET_RATE_LIMIT_ORGANIZATION", "1000000/1000000"),
];

/// Which deployment: one process with the store feed, or the shape of production with Kafka, Redis and nginx.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Single,
    Full,
}

pub(crate) struct Process {
    child: Child,
    directory: PathBuf,
    pub host: String,
    credentials: Vec<(String, String)>,
}

impl Process {
    pub(crate) async fn start(shape: Shape) -> Outcome<Self> {
        let binary = std::env::current_exe()?.with_file_name("securenet");
        if !binary.exists() {
            return Err(Failed::from(
                "build the server first: cargo build --locked --release -p securenet, or ./dev bench",
            ));
        }
        let directory = std::env::temp_dir().join(format!("securenet-bench-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        let log = std::fs::File::create(directory.join("log"))?;
        let child = Command::new(binary)
            .args(["up", "--port", "18080", "--metrics-port", "19100", "--dir"])
            .arg(directory.join("dev"))
            .args((shape == Shape::Full).then_some("--full"))
            .envs(LIMITS)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut process = Self { child, directory, host: String::new(), credentials: Vec::new() };
        process.wait_until_seeded().await?;
        Ok(process)
    }

    pub(crate) fn credential(&self, name: &str) -> Outcome<&str> {
        let found = self.credentials.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| Failed::from(format!("no {name} among the credentials")))
    }

    /// A URL of the private database as its superuser, for what only a benchmark does.
    pub(crate) fn superuser(&self) -> Outcome<String> {
        self.database_url(SUPERUSER, "postgres-superuser")
    }

    /// The same as the role that appends, for logs that no client could write in the time.
    pub(crate) fn writer(&self) -> Outcome<String> {
        self.database_url("writer", "postgres-writer")
    }

    /// The process of a role in the full shape.
    pub(crate) fn pid_of(&self, role: &str) -> Outcome<u32> {
        let noted = std::fs::read_to_string(self.directory.join("dev/run").join(format!("{role}.pid")))?;
        Ok(noted.lines().next().unwrap_or_default().parse()?)
    }

    fn database_url(&self, role: &str, secret: &str) -> Outcome<String> {
        let directory = self.directory.join("dev");
        let password = std::fs::read_to_string(directory.join("secrets").join(secret))?;
        let running = std::fs::read_to_string(directory.join("postgres/data/postmaster.pid"))?;
        let port = running.lines().nth(PORT_LINE).ok_or("postmaster.pid names no port")?;
        Ok(format!("postgres://{role}:{password}@127.0.0.1:{port}/securenet"))
    }

    /// An access token of one of the demo organization's users.
    pub(crate) async fn log_in(&self, user: &str) -> Outcome<String> {
        let password = self.credential(&format!("SECURENET_{}_PASSWORD", user.to_uppercase()))?;
        let organization = self.credential("SECURENET_ORGANIZATION")?;
        let request = json!({ "organization": organization, "user": user, "password": password });
        let answer = Client::connect(&self.host, "").await?.post("/v1/sessions", &request).await?;
        let token = answer.expect(200).map_err(|_| Failed::from("the log in was refused"))?.json()?;
        Ok(token["access_token"].as_str().unwrap_or_default().to_owned())
    }

    /// Resident memory now and at its highest, in MiB.
    pub(crate) fn memory(&self) -> Outcome<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let mebibytes = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or_default() / 1_024
        };
        Ok((mebibytes("VmRSS:"), mebibytes("VmHWM:")))
    }

    async fn wait_until_seeded(&mut self) -> Outcome {
        let deadline = Instant::now() + READY_MAX;
        let credentials = self.directory.join("dev/credentials");
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Err(Failed::from(format!("the server ended with {status}: see {}", self.log().display())));
            }
            if let Some(found) = read(&credentials) {
                self.host = value(&found, "SECURENET_URL").trim_start_matches("http://").to_owned();
                self.credentials = found;
                if self.log_in("analyst").await.is_ok() && !value(&self.credentials, "SECURENET_SCANNER_KEY").is_empty()
                {
                    return Ok(());
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(Failed::from(format!("the server was not ready in time: see {}", self.log().display())))
    }

    fn log(&self) -> PathBuf {
        self.directory.join("log")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // As Ctrl-C would, so that its Postgres ends with it.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// The shell-sourcable lines of a credentials file.
fn read(path: &Path) -> Option<Vec<(String, String)>> {
    let text = std::fs::read_to_string(path).ok()?;
    let pairs = text.lines().filter_map(|line| line.trim_start_matches("export ").split_once('='));
    Some(pairs.map(|(name, value)| (name.to_owned(), value.trim_matches(['\'', '"']).to_owned())).collect())
}

fn value<'a>(credentials: &'a [(String, String)], name: &str) -> &'a str {
    credentials.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}
