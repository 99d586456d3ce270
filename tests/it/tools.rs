//! Programs of others that judge what we write: Python packages and the AsyncAPI parser, in versions that are pinned in
//! `dev-tools/`. They are installed once beside the build, and anew when a pin changes.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use domain::vocabulary::Sha256;

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace is there")
}

/// A program of the virtual environment of `dev-tools/python`.
pub(crate) fn python(program: &str) -> PathBuf {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    let pins = root().join("dev-tools/python/requirements.txt");
    let installed = INSTALLED.get_or_init(|| {
        installed("python", &pins, |place| {
            must(Command::new("python3").args(["-m", "venv"]).arg(place));
            must(Command::new(place.join("bin/pip")).args(["install", "--quiet", "--requirement"]).arg(&pins));
        })
    });
    installed.join("bin").join(program)
}

/// The folder of `dev-tools/asyncapi` with its packages.
pub(crate) fn asyncapi() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    let source = root().join("dev-tools/asyncapi");
    INSTALLED.get_or_init(|| {
        installed("asyncapi", &source.join("package-lock.json"), |place| {
            fs::create_dir_all(place).expect("a folder can be made");
            for file in ["package.json", "package-lock.json"] {
                fs::copy(source.join(file), place.join(file)).expect("a file can be copied");
            }
            must(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(place));
        })
    })
}

/// What a program printed that must succeed.
pub(crate) fn said(command: &mut Command) -> String {
    String::from_utf8(must(command).stdout).expect("tools speak UTF-8")
}

pub(crate) fn must(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (said, erred) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}:\n{said}\n{erred}");
    output
}

/// Installed in one step: what an interrupted installation leaves behind is never used. Others may install at the same
/// time, and the first wins.
fn installed(name: &str, pins: &Path, install: impl FnOnce(&Path)) -> PathBuf {
    let pinned = Sha256::of(&fs::read(pins).expect("the pins can be read")).to_string();
    let place = target().join(format!("{name}-{}", &pinned[..12]));
    let complete = place.join("complete");
    let lock = fs::File::create(target().join(format!("{name}.lock"))).expect("a lock can be made");
    lock.lock().expect("a lock can be taken");
    if !complete.is_file() {
        fs::remove_dir_all(&place).ok();
        install(&place);
        fs::write(complete, "").expect("a mark can be left");
    }
    place
}

fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a process knows its executable");
    let named = |folder: &&Path| folder.file_name() == Some(OsStr::new("deps"));
    let deps = test.ancestors().find(named).expect("tests lie in <target>/<profile>/deps");
    deps.ancestors().nth(2).expect("tests lie in <target>/<profile>/deps").to_owned()
}
