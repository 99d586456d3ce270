//! Whether each container tells its program what the program wants to know: asked of the program itself.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use acceptance::server::binary;
use serde_json::Value;

use super::{Secrets, services};
use crate::tools::root;

/// Until a program has read its settings, on a busy machine.
const START_MAX: Duration = Duration::from_secs(60);

pub(super) fn is_ours(service: &Value) -> bool {
    service["image"] == "securenet:local"
}

/// One that does its work and ends.
pub(super) fn is_a_job(service: &Value) -> bool {
    service["restart"] == "no"
}

#[test]
fn every_setting_is_one_that_the_programs_know() {
    let known = known();
    assert!(known.len() > 20, "{known:?}");
    for (name, service) in services().filter(|(_, service)| is_ours(service)) {
        for setting in environment(service).into_iter().map(|(setting, _)| setting) {
            let plain = setting.strip_suffix("_FILE").unwrap_or(&setting);
            assert!(known.contains(plain) || known.contains(&setting), "{name}: {setting}");
        }
    }
}

#[test]
fn every_program_accepts_what_its_container_tells_it() {
    let secrets = Secrets::make("settings");
    for (name, service) in services().filter(|(_, service)| is_ours(service)) {
        let mut command = Command::new(binary());
        command.args(super::names(&service["command"])).env_clear();
        for (setting, value) in environment(service) {
            command.env(setting, value.replace("/run/secrets", secrets.0.to_str().unwrap()));
        }
        // Here others may have the ports.
        command.env("SECURENET_LISTEN", "127.0.0.1:0").env("SECURENET_METRICS_LISTEN", "127.0.0.1:0");
        let said = first_words(&mut command);
        assert!(!said.contains("fault(s)"), "{name}: {said}");
        assert!(is_a_job(service) || said.contains("starting"), "{name}: {said}");
    }
}

/// What it says until it has begun to start, or has ended. It will find no Postgres, and is ended.
fn first_words(command: &mut Command) -> String {
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (tell, told) = mpsc::channel();
    let streams: [Box<dyn std::io::Read + Send>; 2] =
        [Box::new(process.stdout.take().unwrap()), Box::new(process.stderr.take().unwrap())];
    for stream in streams {
        let tell = tell.clone();
        std::thread::spawn(move || {
            BufReader::new(stream).lines().map_while(Result::ok).for_each(|line| drop(tell.send(line)));
        });
    }
    drop(tell);
    let mut said = String::new();
    while let Ok(line) = told.recv_timeout(START_MAX) {
        said += &line;
        said.push('\n');
        if line.contains("\"starting\"") || line.contains("waiting for Postgres") {
            break;
        }
    }
    process.kill().ok();
    process.wait().unwrap();
    said
}

fn environment(service: &Value) -> Vec<(String, String)> {
    let pairs = service["environment"].as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.as_str().expect("settings are text").to_owned())).collect()
}

/// Every name that our code, tests aside, asks the environment for.
fn known() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for package in ["platform", "command-api", "query-api", "projector", "securenet"] {
        collect(&root().join(package).join("src"), &mut known);
    }
    known
}

fn collect(folder: &Path, known: &mut BTreeSet<String>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() && name != "tests" && name != "testing" {
            collect(&path, known);
        } else if name != "tests.rs" && path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let quoted = text.split('"').skip(1).step_by(2);
            let is_name = |word: &&str| {
                word.starts_with("SECURENET_") && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
            };
            known.extend(text.split('"').filter(is_name).map(str::to_owned));
            known.extend(quoted.filter(is_name).map(str::to_owned));
        }
    }
}
