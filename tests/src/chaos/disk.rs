//! A disk that is full on demand, for one server of many on this machine, for any user, with no rights of root: a shim
//! before the C library refuses writes that would make a file grow, with the very error that a full disk gives.
//!
//! What is on the disk can still be overwritten, as on a real one. `disk_full.c` beside this file is the shim.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = include_str!("disk_full.c");

/// The disks of one deployment. Files below `<root>/dev/<name>/` are on the disk `<name>`.
pub struct Disks {
    root: PathBuf,
}

impl Disks {
    /// Compiled once per deployment; whoever runs the tests has a C compiler, since Rust needs its linker.
    pub fn of(root: &Path) -> Self {
        let disks = Self { root: root.to_owned() };
        let source = root.join("disk_full.c");
        fs::write(&source, SOURCE).expect("a file can be made in our directory");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-o"]).arg(disks.shim()).arg(&source).arg("-ldl");
        let compiled = compiler.output().expect("a C compiler can be run");
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        disks
    }

    /// For every process whose disk may run full.
    pub fn environment(&self) -> [(&'static str, PathBuf); 2] {
        [("LD_PRELOAD", self.shim()), ("DISK_FULL_ROOT", self.root.clone())]
    }

    pub fn fill(&self, name: &str) {
        let refused = self.refusals(name);
        if !refused.exists() {
            File::create(&refused).expect("a file can be made in our directory");
            // Whoever is refused may be another user.
            fs::set_permissions(&refused, Permissions::from_mode(0o666)).expect("our file is ours");
        }
        File::create(self.mark(name)).expect("a mark can be made");
    }

    pub fn free(&self, name: &str) {
        fs::remove_file(self.mark(name)).expect("the disk was full");
    }

    /// How many writes were refused on this disk so far, as far as they were counted.
    pub fn refused(&self, name: &str) -> u64 {
        fs::metadata(self.refusals(name)).map_or(0, |file| file.len())
    }

    fn refusals(&self, name: &str) -> PathBuf {
        self.root.join(format!("refused-{name}"))
    }

    fn shim(&self) -> PathBuf {
        self.root.join("disk_full.so")
    }

    fn mark(&self, name: &str) -> PathBuf {
        self.root.join(format!("full-{name}"))
    }
}
