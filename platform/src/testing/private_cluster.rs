//! A Postgres of this process alone, in a temporary directory, stopped and removed when the process ends.
//!
//! A watchdog shell holds the other end of a pipe: when the pipe closes, by a drop, an exit or a kill -9, it stops the
//! server. Postgres refuses to run as root, so root hands it to `postgres` or `nobody`.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnectOptions;

/// Tests lose nothing that matters in a power cut, so they need not wait for the disk.
pub(super) const FAST: &str = "-c fsync=off -c full_page_writes=off -c max_connections=300 -c listen_addresses=127.0.0.1";
const LOCALE: &str = "C.UTF-8";

pub struct PrivateCluster {
    binaries: PathBuf,
    directory: PathBuf,
    port: u16,
    settings: &'static str,
    user: Option<User>,
    watchdog: Child,
    /// Open for as long as the server is wanted.
    lifeline: Option<ChildStdin>,
}

#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl PrivateCluster {
    pub fn start() -> Self {
        Self::start_with(FAST)
    }

    /// With other settings, as options of `postgres`.
    pub fn start_with(settings: &'static str) -> Self {
        let binaries = binaries();
        let user = is_root().then(|| unprivileged().expect("there is a user postgres or nobody"));
        let directory = make_directory(user);
        let mut watchdog = watch(&binaries, &directory, user);
        let cluster = Self { lifeline: watchdog.stdin.take(), port: free_port(), settings, binaries, directory, user, watchdog };
        cluster.run(
            "initdb",
            &["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", LOCALE, "--no-sync"],
        );
        cluster.resume();
        cluster
    }

    /// As the superuser, at the maintenance database.
    pub fn admin(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username("postgres")
            .password("postgres")
            .database("postgres")
    }

    /// Everything the server wrote, its log among it.
    pub fn directory(&self) -> PathBuf {
        self.directory.clone()
    }

    /// Starts the server again on the same port and data.
    pub fn resume(&self) {
        let options = format!("{} -p {} -k {}", self.settings, self.port, self.directory.display());
        self.run("pg_ctl", &["start", "-w", "-s", "-D", "data", "-l", "log", "-o", &options]);
    }

    /// Ends it as a crash would, without a checkpoint.
    pub fn crash(&self) {
        self.run("pg_ctl", &["stop", "-w", "-s", "-m", "immediate", "-D", "data"]);
    }

    /// Ends it as an administrator would, sessions included.
    pub fn stop(&self) {
        self.run("pg_ctl", &["stop", "-w", "-s", "-m", "fast", "-D", "data"]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = as_user(&self.binaries.join(program), self.user);
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null()).stdout(Stdio::null());
        let status = command.status().expect("Postgres can be run");
        assert!(status.success(), "{program} {arguments:?} failed in {}", self.directory.display());
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        self.watchdog.wait().ok(); // so that its directory is gone when the test says it is
    }
}

/// In a process group of its own, so that a Ctrl-C meant for the test leaves it time to clean up.
fn watch(binaries: &Path, directory: &Path, user: Option<User>) -> Child {
    // Again and again for a while: a test killed in its first second leaves an initdb or a server that is just starting.
    let script = r#"cat >/dev/null; cd /
        for attempt in 1 2 3 4 5 6 7 8 9 10; do
            "$1/pg_ctl" stop -w -s -m immediate -D "$2/data"
            rm -rf "$2"
            [ -e "$2" ] || exit 0
            sleep 1
        done"#;
    as_user(Path::new("/bin/sh"), user)
        .args(["-c", script, "watchdog"])
        .arg(binaries)
        .arg(directory)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a shell can be run")
}

fn as_user(program: &Path, user: Option<User>) -> Command {
    let mut command = Command::new(program);
    if let Some(User { uid, gid }) = user {
        command.uid(uid).gid(gid);
    }
    command
}

fn make_directory(user: Option<User>) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("securenet-pg-{}-{count}", std::process::id()));
    fs::remove_dir_all(&directory).ok(); // of an earlier process with our id
    fs::create_dir_all(&directory).expect("a temporary directory can be made");
    if let Some(User { uid, gid }) = user {
        chown(&directory, Some(uid), Some(gid)).expect("root may give a directory away");
    }
    directory
}

/// In PATH, or where Debian keeps them; the newest version first.
fn binaries() -> PathBuf {
    let in_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    debian.sort_by_key(|path| std::cmp::Reverse(version(path)));
    in_path
        .chain(debian)
        .find(|path| path.join("initdb").is_file() && path.join("pg_ctl").is_file())
        .expect("Postgres is installed (Debian: apt-get install postgresql), or SECURENET_TEST_POSTGRES names one")
}

fn version(bin: &Path) -> u32 {
    let name = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    name.and_then(|name| name.parse().ok()).unwrap_or(0)
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn unprivileged() -> Option<User> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let find = |name: &str| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(User { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    };
    find("postgres").or_else(|| find("nobody"))
}

fn free_port() -> u16 {
    let probe = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    probe.local_addr().expect("a bound socket has an address").port()
}
