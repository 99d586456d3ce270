//! The real binary as a process, with a directory, ports and a Postgres of its own; and the end of all of them, however the
//! test ends. In one process, or in the shape of production ([`Shape`]): tests are the same for both.
//!
//! It talks to the process as anybody could: arguments, environment, signals, and the files `up` keeps. It links none
//! of the services.

mod roles;
mod shape;
mod watchdog;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use self::watchdog::watch;
use crate::callers::Client;

pub use roles::Role;
pub use shape::Shape;

/// All tests of a server log in from one address.
const LOG_INS: (&str, &str) = ("SECURENET_RATE_LIMIT_LOG_IN", "1000/100000");
/// A first start makes a cluster, migrates and seeds, on a machine that does much else at that moment.
const START_MAX: Duration = Duration::from_secs(180);
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// Of the process's log, in a failure's message.
const LOG_SHOWN_MAX_BYTES: usize = 4_000;

static SHARED: OnceCell<Server> = OnceCell::const_new();

/// One running SecureNet.
pub struct Server {
    shape: Shape,
    root: PathBuf,
    port: u16,
    metrics_port: u16,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    process: Option<Child>,
    credentials: BTreeMap<String, String>,
    watchdog: Child,
    /// Open for as long as the server is wanted; its end, even by a kill of the test, ends everything.
    lifeline: Option<ChildStdin>,
}

impl Server {
    /// The one most tests use, each with organizations of its own. Nobody stops or reconfigures it.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start_private).await
    }

    /// One that a test may kill and restart.
    pub async fn start_private() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with settings of its own.
    pub async fn start_with(environment: &[(&str, &str)]) -> Self {
        Self::start_in(Shape::of_this_run(), environment).await
    }

    /// For a test that is about one shape.
    pub async fn start_in(shape: Shape, environment: &[(&str, &str)]) -> Self {
        Self::start_as(shape, environment, &[]).await
    }

    /// The same with more arguments for `up`.
    pub async fn start_as(shape: Shape, environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut server = Self::prepare(shape);
        server.configure(environment, arguments);
        server.restart().await;
        server
    }

    /// Its directory is there, and nothing runs yet: for whoever has to put something beside it first.
    pub fn prepare(shape: Shape) -> Self {
        let root = make_root();
        let mut watchdog = watch(&root);
        let (port, metrics_port) = shape.free_ports();
        Self {
            shape,
            lifeline: watchdog.stdin.take(),
            watchdog,
            root,
            port,
            metrics_port,
            arguments: vec![],
            environment: vec![],
            process: None,
            credentials: BTreeMap::new(),
        }
    }

    /// From its next start on.
    pub fn configure(&mut self, environment: &[(&str, &str)], arguments: &[&str]) {
        self.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        self.environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Starts the process again where it does not run, on the same directory and port, and waits until all of it is ready.
    pub async fn restart(&mut self) {
        if self.process.is_none() {
            self.spawn();
        }
        let started = Instant::now();
        while !self.is_ready().await {
            let ended = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten());
            if let Some(status) = ended {
                panic!("securenet up ended with {status}:\n{}", self.log());
            }
            assert!(started.elapsed() < START_MAX, "securenet up is not ready after {START_MAX:?}:\n{}", self.log());
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Ends every service as a crash would. Their Postgres runs on, and what is beside it.
    pub fn kill_9(&mut self) {
        match self.shape {
            Shape::Plain => self.kill_9_up(),
            Shape::Full => self.kill_9_services(),
        }
    }

    /// Ends `up` itself as a crash would.
    pub fn kill_9_up(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("our child may be killed");
            process.wait().expect("our child can be waited for");
            fs::remove_file(self.root.join("pid")).expect("the pid was noted");
        }
    }

    /// Asks the process to stop, as Ctrl-C does, and waits until it has. Its Postgres stops with it.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        let mut process = self.process.take().expect("the server runs");
        signal("INT", process.id());
        let status = process.wait().expect("our child can be waited for");
        fs::remove_file(self.root.join("pid")).expect("the pid was noted");
        status
    }

    /// A client nobody knows.
    pub fn client(&self) -> Client {
        Client::new(self.base())
    }

    pub fn operator(&self) -> Client {
        self.client().with_bearer(self.credential("SECURENET_OPERATOR_TOKEN"))
    }

    pub fn base(&self) -> &str {
        self.credential("SECURENET_URL")
    }

    /// What is this server's alone: its directory `dev`, and whatever a test puts beside it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What a shell finds under this name after it has read the file of credentials.
    pub fn credential(&self, name: &str) -> &str {
        self.credentials.get(name).unwrap_or_else(|| panic!("credentials lack {name}"))
    }

    pub fn credentials_file(&self) -> PathBuf {
        self.directory().join("credentials")
    }

    /// Everything the process has printed since its last start.
    pub fn printed(&self) -> String {
        fs::read_to_string(self.root.join("out")).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// The postmaster's, for signals.
    pub fn postgres_pid(&self) -> u32 {
        self.postmaster_line(0).parse().expect("postmaster.pid begins with a pid")
    }

    /// How a role of Postgres, or `postgres` itself, reaches the database behind the services' backs.
    pub fn postgres_url(&self, role: &str) -> String {
        let secrets = self.directory().join("secrets");
        let name = if role == "postgres" { "postgres-superuser".to_owned() } else { format!("postgres-{role}") };
        let password = fs::read_to_string(secrets.join(name)).expect("a role's password is kept");
        format!("postgres://{role}:{}@127.0.0.1:{}/securenet", password.trim(), self.postmaster_line(3))
    }

    /// The most memory that the process which takes commands ever had, from the kernel.
    pub fn memory_peak_bytes(&self) -> u64 {
        let pid = self.pid_of(Role::CommandApi, 0);
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells the peak");
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("the peak is a number");
        kilobytes * 1024
    }

    /// The end of what the processes logged.
    pub fn log(&self) -> String {
        let mut files = vec![self.root.join("log")];
        let logs = fs::read_dir(self.directory().join("logs")).into_iter().flatten().flatten();
        files.extend(logs.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "log")));
        let mut text = self.printed();
        for file in files {
            let log = fs::read(&file).unwrap_or_default();
            let end = log.len().saturating_sub(LOG_SHOWN_MAX_BYTES);
            text.push_str(&format!("\n{}: {}", file.display(), String::from_utf8_lossy(&log[end..])));
        }
        text
    }

    pub fn directory(&self) -> PathBuf {
        self.root.join("dev")
    }

    /// Another `up` on the same directory that is to end by itself, and what it said.
    pub fn another_up(&self, environment: &[(&str, &str)]) -> Output {
        self.up(free_port()).envs(environment.iter().copied()).output().expect("the binary can be run")
    }

    /// The port it asks for from its next start on.
    pub fn prefer_port(&mut self, port: u16) {
        self.port = port;
    }

    fn up(&self, port: u16) -> Command {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SECURENET_")) {
            command.env_remove(name);
        }
        command
            .args(["up", "--port", &port.to_string(), "--metrics-port", &self.metrics_port.to_string(), "--dir"])
            .arg(self.directory())
            .args(self.shape.arguments())
            .args(&self.arguments)
            .envs([LOG_INS])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    fn spawn(&mut self) {
        let file = |name: &str| File::create(self.root.join(name)).expect("a file can be made in our directory");
        let mut command = self.up(self.port);
        command.stdout(file("out")).stderr(file("log"));
        command.process_group(0); // a Ctrl-C is for the test, whose end the watchdog then sees
        let process = command.spawn().expect("the binary can be run");
        fs::write(self.root.join("pid"), process.id().to_string()).expect("the pid can be noted");
        self.process = Some(process);
    }

    async fn is_ready(&mut self) -> bool {
        self.credentials = sourced(&self.credentials_file());
        if !self.printed().contains("curl ") || !self.credentials.contains_key("SECURENET_URL") {
            return false;
        }
        self.readiness().await.into_iter().all(|status| status == Some(200))
    }

    fn postmaster_line(&self, line: usize) -> String {
        let file = find(&self.directory(), "postmaster.pid").expect("its Postgres runs below its directory");
        let text = fs::read_to_string(&file).expect("postmaster.pid can be read");
        text.lines().nth(line).expect("postmaster.pid has eight lines").trim().to_owned()
    }
}

impl Drop for Server {
    /// The watchdog ends the process and its Postgres; we wait, so that the next test has the machine for itself.
    fn drop(&mut self) {
        drop(self.lifeline.take());
        if let Some(process) = &mut self.process {
            process.wait().ok();
        }
        self.watchdog.wait().ok();
    }
}

/// The variables a shell has after `. file` that it had not before.
pub fn sourced(file: &Path) -> BTreeMap<String, String> {
    if !file.exists() {
        return BTreeMap::new();
    }
    let script = r#"set -eu -a; . "$1"; env -0"#;
    let shell =
        Command::new("sh").args(["-c", script, "sh"]).arg(file).env_clear().output().expect("a shell can be run");
    assert!(shell.status.success(), "{} cannot be sourced: {}", file.display(), String::from_utf8_lossy(&shell.stderr));
    let text = String::from_utf8(shell.stdout).expect("credentials are text");
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(name, _)| name.starts_with("SECURENET_"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Sends a signal to one process.
pub fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "process {pid} cannot be sent {name}");
}

/// Beside the folder of test executables, unless `SECURENET_BIN` names another.
pub fn binary() -> PathBuf {
    let built = || {
        let test = std::env::current_exe().expect("a process knows its executable");
        test.ancestors().nth(2).expect("tests lie in <target>/<profile>/deps").join("securenet")
    };
    let path = std::env::var_os("SECURENET_BIN").map_or_else(built, PathBuf::from);
    assert!(path.is_file(), "there is no {}: run `cargo build -p securenet` first, or ./dev test", path.display());
    path
}

fn make_root() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let root = std::env::temp_dir().join(format!("securenet-acceptance-{}-{count}", std::process::id()));
    fs::remove_dir_all(&root).ok(); // of an earlier process with our id
    fs::create_dir_all(&root).expect("a temporary directory can be made");
    root
}

pub fn free_port() -> u16 {
    let probe = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    probe.local_addr().expect("a bound socket has an address").port()
}

pub(crate) fn find(below: &Path, name: &str) -> Option<PathBuf> {
    let entries: Vec<PathBuf> = fs::read_dir(below).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let here = entries.iter().find(|path| path.ends_with(name)).cloned();
    here.or_else(|| entries.iter().filter(|path| path.is_dir()).find_map(|path| find(path, name)))
}
