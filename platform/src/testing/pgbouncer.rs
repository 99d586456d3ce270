//! A real PgBouncer in transaction mode in front of a test's database, ended with the test, however that ends.
//!
//! Few server connections on purpose: clients must meet each other's.

use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{ROLES, TestDatabase};
use crate::private_postgres::{Account, Tools, free_port, make_place};

const START_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Debian keeps it out of a plain user's PATH.
const PLACES: [&str; 3] = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];

pub struct PgBouncer {
    port: u16,
    watchdog: Child,
    /// Open for as long as it is wanted.
    lifeline: Option<ChildStdin>,
}

impl PgBouncer {
    /// `server_connections` for each pair of role and database.
    pub async fn start(database: &TestDatabase, server_connections: u32) -> Self {
        let program = PLACES.iter().map(Path::new).find(|path| path.is_file());
        let program = program.expect("PgBouncer is installed (Debian: apt-get install pgbouncer)");
        let account = Account::for_postgres().expect("there is a user for PgBouncer");
        let directory = directory();
        make_place(&directory, account.as_ref()).expect("a temporary directory can be made");
        let tools = Tools::find(directory, account).expect("Postgres is installed");
        let port = free_port().expect("a port is free");
        let users: String = ROLES.iter().map(|role| format!("\"{role}\" \"{role}\"\n")).collect();
        tools.write(&tools.place().join("users.txt"), &users).expect("its users can be written");
        let settings = settings(database, port, server_connections);
        tools.write(&tools.place().join("pgbouncer.ini"), &settings).expect("its settings can be written");
        let mut watchdog = run(&tools, program);
        let pooler = Self { port, lifeline: watchdog.stdin.take(), watchdog };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = std::fs::read_to_string(tools.place().join("log")).unwrap_or_default();
            assert!(started.elapsed() < START_MAX, "PgBouncer does not answer: {said}");
            sleep(LOOK_EVERY).await;
        }
        pooler
    }

    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        self.watchdog.wait().ok();
    }
}

/// As `docs/postgres.md` recommends, but for the sizes and the log-in.
fn settings(database: &TestDatabase, port: u16, server_connections: u32) -> String {
    let (host, server) = (database.admin.get_host(), database.admin.get_port());
    format!(
        "[databases]\n* = host={host} port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = plain\nauth_file = users.txt\nlogfile = log\npool_mode = transaction\n\
         default_pool_size = {server_connections}\nmax_client_conn = 500\n\
         ignore_startup_parameters = extra_float_digits\nserver_reset_query =\n"
    )
}

/// A shell waits for the lifeline to close, then ends it.
fn run(tools: &Tools, program: &Path) -> Child {
    let script = r#"exec 3<&0; "$1" -q pgbouncer.ini </dev/null 3<&- & pid=$!
        cat <&3 >/dev/null; kill -INT $pid; wait $pid; cd / && rm -rf "$2""#;
    tools
        .command(Path::new("/bin/sh"))
        .args(["-c", script, "watchdog"])
        .args([program, tools.place()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a shell can be run")
}

fn directory() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("securenet-pgbouncer-{}-{count}", std::process::id()));
    std::fs::remove_dir_all(&directory).ok(); // of an earlier process with our id
    directory
}
