//! Programs of a private deployment, each kept running: started again a second after it ended, stopped in reverse order,
//! and ended with their parent however that ends.
//!
//! The pid of each is noted in a folder before its program begins. A watchdog shell holds the other end of a pipe and ends
//! what is noted when the pipe closes; what outlives even the watchdog is ended by the next start. It knows no service.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::console::say;

/// A program that cannot run must not keep the machine busy with starting it.
const RESTART_AFTER: Duration = Duration::from_secs(1);
/// A service drains for less than thirty seconds.
const STOP_MAX: Duration = Duration::from_secs(30);
/// Of a program's log, when it ended by itself.
const LOG_SHOWN_MAX_BYTES: usize = 600;
const WATCHDOG: &str = include_str!("supervisor/watchdog.sh");
/// Notes the pid, and since when it is that of this process, before the process becomes the program.
const NOTED: &str = r#"start=$(sed 's/.*) //' /proc/$$/stat | cut -d' ' -f20)
    printf '%s\n%s\n' $$ "$start" >"$0.new" && mv "$0.new" "$0" && exec "$@""#;

/// What is to run.
pub(crate) struct Program {
    /// Names its log and its pid file.
    pub(crate) role: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// Beside what this process has; no setting of ours among that.
    pub(crate) environment: Vec<(String, String)>,
    /// Asks it to stop in an orderly way.
    pub(crate) stop_signal: &'static str,
}

/// Everything that was started, in that order.
pub(crate) struct Supervisor {
    places: Places,
    kept: Vec<Kept>,
    watchdog: Child,
    /// Open for as long as the programs are wanted.
    lifeline: Option<ChildStdin>,
}

#[derive(Clone)]
struct Places {
    pids: PathBuf,
    logs: PathBuf,
}

struct Kept {
    role: String,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Supervisor {
    /// Under `home`, where nothing of an earlier run is left ([`sweep`]). `postgres` is a pid file to be watched, too.
    pub(crate) fn open(home: &Path, postgres: &Path) -> io::Result<Self> {
        let places = Places { pids: home.join("run"), logs: home.join("logs") };
        fs::create_dir_all(&places.pids)?;
        fs::create_dir_all(&places.logs)?;
        let mut command = noted(&places.pids.join("watchdog.pid"), Path::new("/bin/sh"));
        command.args(["-c", WATCHDOG, "watchdog"]).arg(&places.pids).arg(postgres);
        let mut watchdog = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self { lifeline: watchdog.stdin.take(), watchdog, places, kept: Vec::new() })
    }

    /// Starts it and keeps it running.
    pub(crate) fn start(&mut self, program: Program) {
        let log = self.places.log(&program.role);
        fs::rename(&log, log.with_extension("before.log")).ok(); // the first time there is none
        let (role, stop) = (program.role.clone(), CancellationToken::new());
        let task = tokio::spawn(keep(program, self.places.clone(), stop.clone()));
        self.kept.push(Kept { role, stop, task });
    }

    /// The process that is this program now.
    pub(crate) fn pid(&self, role: &str) -> Option<u32> {
        fs::read_to_string(self.places.pid(role)).ok()?.lines().next()?.parse().ok()
    }

    /// The last started is stopped first.
    pub(crate) async fn stop(mut self) {
        for Kept { role, stop, task } in self.kept.drain(..).rev() {
            stop.cancel();
            if task.await.is_err() {
                say(&format!("{role} could not be stopped in order; the watchdog ends it"));
            }
        }
        drop(self.lifeline.take());
        self.watchdog.wait().await.ok();
        fs::remove_file(self.places.pid("watchdog")).ok();
    }
}

impl Places {
    fn pid(&self, role: &str) -> PathBuf {
        self.pids.join(format!("{role}.pid"))
    }

    fn log(&self, role: &str) -> PathBuf {
        self.logs.join(format!("{role}.log"))
    }
}

/// Ends what an earlier run left behind, if its watchdog did not; and first lets that watchdog finish, which would not know
/// new processes from old ones. Postgres is left to its own start.
pub(crate) async fn sweep(home: &Path) -> io::Result<()> {
    let pids = home.join("run");
    let Ok(mut entries) = fs::read_dir(&pids) else { return Ok(()) };
    if entries.next().is_none() {
        return Ok(());
    }
    say("clearing up after an earlier run that was killed");
    let mut wait = Command::new("/bin/sh");
    wait.args(["-c", AWAIT_WATCHDOG, "sweep"]).arg(pids.join("watchdog.pid")).stdin(Stdio::null()).status().await?;
    let mut end = Command::new("/bin/sh");
    end.args(["-c", WATCHDOG, "sweep"]).arg(&pids).arg("").stdin(Stdio::null()).status().await?;
    fs::remove_dir_all(&pids)
}

/// It takes no longer than its own patience and a little.
const AWAIT_WATCHDOG: &str = r#"[ -f "$1" ] || exit 0
    { read -r pid && read -r start; } <"$1"
    for _ in $(seq 150); do
        [ "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f20)" = "$start" ] || exit 0
        sleep 0.1
    done"#;

async fn keep(program: Program, places: Places, stop: CancellationToken) {
    let (role, log) = (program.role.as_str(), places.log(&program.role));
    while !stop.is_cancelled() {
        match program.spawn(&places) {
            Ok(mut child) => tokio::select! {
                ended = child.wait() => say(&complaint(role, ended, &log)),
                () = stop.cancelled() => end(&program, child).await,
            },
            Err(error) => say(&format!("{} cannot be run: {error}", program.program.display())),
        }
        fs::remove_file(places.pid(role)).ok(); // gone already if it never got so far
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(RESTART_AFTER) => {}
        }
    }
}

impl Program {
    fn spawn(&self, places: &Places) -> io::Result<Child> {
        let log = || -> io::Result<File> {
            OpenOptions::new().create(true).append(true).mode(0o600).open(places.log(&self.role))
        };
        let mut command = noted(&places.pid(&self.role), &self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(log()?).stderr(log()?);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SECURENET_")) {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value))).spawn()
    }
}

/// In a process group of its own, so that a Ctrl-C reaches none but us, and the end is in order.
fn noted(pid_file: &Path, program: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", NOTED]).arg(pid_file).arg(program).process_group(0);
    command
}

/// Gently, then not.
async fn end(program: &Program, mut child: Child) {
    let Some(pid) = child.id() else { return };
    // One that was stopped in the middle hears of it only once it goes on.
    for signal in [program.stop_signal, "CONT"] {
        let kill = Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).stderr(Stdio::null()).status();
        kill.await.ok(); // it may have ended at this very moment
    }
    if timeout(STOP_MAX, child.wait()).await.is_err() {
        say(&format!("{} did not stop within {} s and is ended", program.role, STOP_MAX.as_secs()));
        child.kill().await.ok();
    }
}

fn complaint(role: &str, ended: io::Result<ExitStatus>, log: &Path) -> String {
    let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
    let said = fs::read(log).unwrap_or_default();
    let said = String::from_utf8_lossy(&said[said.len().saturating_sub(LOG_SHOWN_MAX_BYTES)..]).trim().to_owned();
    format!("{role} ended ({how}); starting it again. Its log {} ends: {said}", log.display())
}

#[cfg(test)]
mod tests;
