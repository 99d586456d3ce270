//! Real processes: one that dies, one that is stopped, and a parent that is gone.

use std::time::Instant;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn home(name: &str) -> PathBuf {
    let home = std::env::temp_dir().join(format!("securenet supervisor {}-{name}", std::process::id()));
    fs::remove_dir_all(&home).ok();
    fs::create_dir_all(&home).unwrap();
    home
}

fn sleeper(role: &str) -> Program {
    Program {
        role: role.to_owned(),
        program: PathBuf::from("/bin/sleep"),
        arguments: vec!["600".into()],
        environment: Vec::new(),
        stop_signal: "TERM",
    }
}

fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.contains("(sleep)") && !stat.contains(") Z ")
}

async fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < PATIENCE);
        sleep(Duration::from_millis(10)).await;
    }
}

async fn running(supervisor: &Supervisor, role: &str) -> u32 {
    until(|| supervisor.pid(role).filter(|pid| runs(*pid))).await
}

#[tokio::test]
async fn a_program_that_dies_is_started_again_and_all_are_stopped_at_the_end() {
    let home = home("again");
    let mut supervisor = Supervisor::open(&home, &home.join("none")).unwrap();
    supervisor.start(sleeper("one"));
    supervisor.start(sleeper("two"));
    let (first, other) = (running(&supervisor, "one").await, running(&supervisor, "two").await);
    Command::new("kill").args(["-9", &first.to_string()]).status().await.unwrap();
    let second = until(|| supervisor.pid("one").filter(|pid| *pid != first && runs(*pid))).await;
    supervisor.stop().await;
    assert!(!runs(second) && !runs(other));
    assert_eq!(fs::read_dir(home.join("run")).unwrap().count(), 0, "nothing stays noted");
    fs::remove_dir_all(&home).unwrap();
}

#[tokio::test]
async fn programs_end_with_their_parent_and_one_that_was_stopped_does_too() {
    let home = home("parent");
    let mut supervisor = Supervisor::open(&home, &home.join("none")).unwrap();
    supervisor.start(sleeper("one"));
    supervisor.start(sleeper("stopped"));
    let (one, stopped) = (running(&supervisor, "one").await, running(&supervisor, "stopped").await);
    Command::new("kill").args(["-STOP", &stopped.to_string()]).status().await.unwrap();
    for kept in supervisor.kept.drain(..) {
        kept.task.abort(); // whoever is dead starts nothing again
    }
    drop(supervisor.lifeline.take());
    until(|| (!runs(one) && !runs(stopped)).then_some(())).await;
    fs::remove_dir_all(&home).unwrap();
}

#[tokio::test]
async fn what_outlived_even_the_watchdog_is_stopped_by_the_next_start() {
    let home = home("sweep");
    let mut supervisor = Supervisor::open(&home, &home.join("none")).unwrap();
    supervisor.start(sleeper("one"));
    let one = running(&supervisor, "one").await;
    for kept in supervisor.kept.drain(..) {
        kept.task.abort();
    }
    supervisor.watchdog.kill().await.unwrap();
    assert!(runs(one));
    // A pid that is another process's by now is left alone.
    fs::write(home.join("run/reused.pid"), format!("{}\n1\n", std::process::id())).unwrap();
    sweep(&home).await.unwrap();
    until(|| (!runs(one)).then_some(())).await;
    assert!(!home.join("run").exists());
    fs::remove_dir_all(&home).unwrap();
}
