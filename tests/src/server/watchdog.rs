//! What ends a server with its test, however the test ends.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for its standard input to end, then ends the process, then the Postgres, each by its noted pid, and removes
/// the directory. In a process group of its own, so that what ends the test does not end it.
pub(super) fn watch(root: &Path) -> Child {
    let script = r#"
        cat >/dev/null
        gone() { ! [ -d "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; }
        end() { # pid, gentle signal, last signal
            kill "-$2" "$1" 2>/dev/null
            for _ in $(seq 300); do gone "$1" && return; sleep 0.1; done
            kill "-$3" "$1" 2>/dev/null
        }
        [ -f "$1/pid" ] && end "$(cat "$1/pid")" TERM KILL
        for file in $(find "$1" -name postmaster.pid 2>/dev/null); do end "$(head -n 1 "$file")" INT QUIT; done
        cd / && rm -rf "$1""#;
    Command::new("sh")
        .args(["-c", script, "watchdog"])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a shell can be run")
}
