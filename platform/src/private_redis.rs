//! A Redis of one machine alone, started and stopped as a child, for the deployment on one machine and for tests: alone,
//! with Sentinels, or as a Cluster. It dies with its parent, keeps nobody's secrets, and is never part of a service.
//!
//! A watchdog shell holds the other end of a pipe: when the pipe closes, by a drop, an exit or a kill -9, it kills the
//! server.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

const START_MAX_SECONDS: u64 = 20;
const PROBE_MAX_MS: u64 = 200;
const PROBE_INTERVAL_MS: u64 = 10;
const SAID_LINES_MAX: usize = 10;
/// Redis's own name first; Valkey answers to the same options.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
/// A cache is filled again by whoever misses it.
const FORGETFUL: [&str; 4] = ["--save", "", "--appendonly", "no"];
/// A Cluster's nodes talk on a port that lies this much higher.
const CLUSTER_BUS_PORT_OFFSET: u16 = 10_000;

#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    #[error(
        "Redis is not installed (Debian, Ubuntu: apt-get install redis-server; Fedora: dnf install valkey; macOS: brew install redis)"
    )]
    NotInstalled,
    #[error("{}: {what}", .path.display())]
    Io { path: PathBuf, what: &'static str, source: io::Error },
    #[error("Redis did not start: {said}")]
    Failed { said: String },
}

/// A server on a free port of 127.0.0.1, working in a directory of its own.
pub struct PrivateRedis {
    directory: PathBuf,
    port: u16,
    arguments: Vec<String>,
    running: Option<Running>,
}

/// What makes a server a Sentinel: it keeps what it learns in its file, and wants that named first.
const SENTINEL_FILE: &str = "sentinel.conf";

struct Running {
    pid: u32,
    watchdog: Child,
    /// Open for as long as the server is wanted.
    lifeline: Option<ChildStdin>,
}

impl PrivateRedis {
    /// One that forgets everything when it ends. Makes the directory if it is not there.
    pub fn start(directory: &Path) -> Result<Self, RedisError> {
        Self::start_with(directory, &FORGETFUL)
    }

    /// With options of `redis-server` of the caller's own.
    pub fn start_with(directory: &Path, arguments: &[&str]) -> Result<Self, RedisError> {
        let port = free_port().map_err(io_error(directory, "no port is free"))?;
        Self::start_on(directory, port, arguments)
    }

    pub fn start_on(directory: &Path, port: u16, arguments: &[&str]) -> Result<Self, RedisError> {
        fs::create_dir_all(directory).map_err(io_error(directory, "cannot be made"))?;
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let mut server = Self { directory: directory.to_owned(), port, arguments, running: None };
        server.start_again()?;
        Ok(server)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's own process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.pid)
    }

    /// Where it works, its log among the files.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Ends it as a crash would.
    pub fn kill_9(&mut self) {
        self.end("KILL");
    }

    /// Ends it as an administrator would.
    pub fn stop(&mut self) {
        self.end("TERM");
    }

    /// Stops it in the middle of whatever it does; it keeps its connections and answers nothing.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    pub fn proceed(&self) {
        self.signal("CONT");
    }

    /// On the same port and directory. Returns once it answers.
    pub fn start_again(&mut self) -> Result<(), RedisError> {
        self.end("KILL");
        let program = find()?;
        let running = self.spawn(&program)?;
        let began = Instant::now();
        while !answers(self.port) {
            if began.elapsed() > Duration::from_secs(START_MAX_SECONDS) || has_ended(&running) {
                return Err(RedisError::Failed { said: self.said() });
            }
            pause();
        }
        self.running = Some(running);
        Ok(())
    }

    /// In a process group of its own, so that a Ctrl-C stops the services first.
    fn spawn(&self, program: &Path) -> Result<Running, RedisError> {
        let script = r#"exec 3<&0; "$@" </dev/null 3<&- >redis.out 2>&1 & server=$!; echo $server
            # Whichever comes first: the caller lets go, or the server ends by itself.
            cat <&3 >/dev/null; kill -9 $server 2>/dev/null; wait $server"#;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, "watchdog"]).arg(program);
        if self.arguments.iter().any(|argument| argument == "--sentinel") {
            command.arg(self.directory.join(SENTINEL_FILE));
        }
        command.args(["--port", &self.port.to_string()]);
        command.args(["--bind", "127.0.0.1", "--daemonize", "no", "--dir"]).arg(&self.directory);
        command.arg("--logfile").arg(self.log()).args(&self.arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let cannot = io_error(&self.directory, "Redis cannot be run here");
        let mut watchdog = command.current_dir(&self.directory).spawn().map_err(&cannot)?;
        let lifeline = watchdog.stdin.take();
        let mut line = String::new();
        if let Some(said) = watchdog.stdout.take() {
            BufReader::new(said).read_line(&mut line).map_err(&cannot)?;
        }
        let pid = line.trim().parse().map_err(|_| RedisError::Failed { said: self.said() })?;
        Ok(Running { pid, watchdog, lifeline })
    }

    fn end(&mut self, signal: &str) {
        let Some(mut running) = self.running.take() else { return };
        send(running.pid, signal);
        if signal == "TERM" {
            let began = Instant::now();
            while answers(self.port) && began.elapsed() < Duration::from_secs(START_MAX_SECONDS) {
                pause();
            }
        }
        drop(running.lifeline.take());
        running.watchdog.wait().ok();
    }

    fn signal(&self, signal: &str) {
        if let Some(pid) = self.pid() {
            send(pid, signal);
        }
    }

    fn log(&self) -> PathBuf {
        self.directory.join("redis.log")
    }

    fn said(&self) -> String {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let text = read(self.log()) + &read(self.directory.join("redis.out"));
        let lines: Vec<&str> = text.trim().lines().collect();
        lines[lines.len().saturating_sub(SAID_LINES_MAX)..].join("\n")
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        self.end("KILL");
    }
}

/// Sentinels of one master that agree by majority.
pub fn start_sentinels(directory: &Path, master: &PrivateRedis, count: usize) -> Result<Vec<PrivateRedis>, RedisError> {
    let quorum = count / 2 + 1;
    let sentinel = |number: usize| {
        let home = directory.join(format!("sentinel-{number}"));
        fs::create_dir_all(&home).map_err(io_error(&home, "cannot be made"))?;
        let config = home.join(SENTINEL_FILE);
        let text = format!(
            "sentinel monitor mymaster 127.0.0.1 {} {quorum}\nsentinel down-after-milliseconds mymaster 1000\n\
             sentinel failover-timeout mymaster 5000\n",
            master.port()
        );
        fs::write(&config, text).map_err(io_error(&config, "cannot be written"))?;
        PrivateRedis::start_with(&home, &["--sentinel"])
    };
    (0..count).map(sentinel).collect()
}

/// Masters that share all slots, without replicas.
pub fn start_cluster(directory: &Path, masters: usize) -> Result<Vec<PrivateRedis>, RedisError> {
    let node = |number: usize| {
        let home = directory.join(format!("node-{number}"));
        let port = free_cluster_port().map_err(io_error(&home, "no port is free"))?;
        let mut arguments = FORGETFUL.to_vec();
        arguments.extend(["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]);
        PrivateRedis::start_on(&home, port, &arguments)
    };
    let nodes: Vec<PrivateRedis> = (0..masters).map(node).collect::<Result<_, _>>()?;
    let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port()));
    let mut command = Command::new("redis-cli");
    command.args(["--cluster", "create"]).args(addresses).args(["--cluster-replicas", "0", "--cluster-yes"]);
    let made = command.stdin(Stdio::null()).output().map_err(io_error(directory, "redis-cli cannot be run"))?;
    if made.status.success() {
        return Ok(nodes);
    }
    Err(RedisError::Failed { said: String::from_utf8_lossy(&made.stdout).into_owned() })
}

fn find() -> Result<PathBuf, RedisError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).filter(|path| path.is_absolute());
    let mut candidates = directories.flat_map(|directory| PROGRAMS.map(|program| directory.join(program)));
    candidates.find(|candidate| candidate.is_file()).ok_or(RedisError::NotInstalled)
}

#[expect(
    clippy::disallowed_methods,
    reason = "nobody is served by this thread; it waits for a process to start or end"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(PROBE_INTERVAL_MS));
}

/// Whether it answers `PING` with anything but that it is still loading; one that wants a password is there.
fn answers(port: u16) -> bool {
    let ask = || -> io::Result<bool> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let limit = Duration::from_millis(PROBE_MAX_MS);
        let mut stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 8];
        let length = stream.read(&mut answer)?;
        Ok(length > 0 && !answer.starts_with(b"-LOADING"))
    };
    ask().unwrap_or(false)
}

/// Its watchdog does not wait for it, so one that ended by itself is left as a zombie.
fn has_ended(running: &Running) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/stat", running.pid));
    status.map_or(true, |status| status.contains(") Z "))
}

/// By the system's own tool, because the standard library has no call for it and we have no unsafe code.
fn send(pid: u32, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).stderr(Stdio::null()).status();
    drop(sent); // a process that has ended by itself needs no signal
}

/// Free when asked for; another process may take it before it is used.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// One whose bus port exists and is free, too.
fn free_cluster_port() -> io::Result<u16> {
    loop {
        let port = free_port()?;
        let Some(bus) = port.checked_add(CLUSTER_BUS_PORT_OFFSET) else { continue };
        if TcpListener::bind((Ipv4Addr::LOCALHOST, bus)).is_ok() {
            return Ok(port);
        }
    }
}

fn io_error(path: &Path, what: &'static str) -> impl Fn(io::Error) -> RedisError {
    move |source| RedisError::Io { path: path.to_owned(), what, source }
}
