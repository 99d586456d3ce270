//! Which PostgreSQL this machine has: in PATH, or where distributions keep it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::PostgresError;

/// The append function and security-invoker views need it.
const VERSION_MIN: u32 = 15;
/// Debian and Ubuntu keep every version beside the others and none in PATH.
const DEBIAN: &str = "/usr/lib/postgresql";

#[derive(Debug, Clone)]
pub(super) struct Installed {
    pub(super) directory: PathBuf,
    version: u32,
}

/// The one that made `data`, or the newest.
pub(super) fn find(data: &Path) -> Result<Installed, PostgresError> {
    let mut all: Vec<Installed> = candidates().into_iter().filter_map(ask).collect();
    all.sort_by_key(|found| std::cmp::Reverse(found.version)); // stable: PATH comes first among equals
    let made_by = fs::read_to_string(data.join("PG_VERSION")).ok().and_then(|text| text.trim().parse().ok());
    match made_by {
        None => all.into_iter().next().ok_or(PostgresError::NotInstalled),
        Some(version) => all
            .into_iter()
            .find(|found| found.version == version)
            .ok_or_else(|| PostgresError::AnotherVersion { data: data.to_owned(), version }),
    }
}

fn candidates() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).filter(|path| path.is_absolute());
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    in_path.chain(versions).collect()
}

fn ask(directory: PathBuf) -> Option<Installed> {
    if !["initdb", "pg_ctl", "postgres"].iter().all(|program| directory.join(program).is_file()) {
        return None;
    }
    // PATH may hold links to some of the programs; the others are where these lead to.
    let directory = fs::canonicalize(directory.join("initdb")).ok()?.parent()?.to_owned();
    let output = Command::new(directory.join("postgres")).arg("--version").output().ok()?;
    let version = version(&String::from_utf8_lossy(&output.stdout))?;
    (version >= VERSION_MIN).then_some(Installed { directory, version })
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn version(said: &str) -> Option<u32> {
    let number = said.split(' ').nth(2)?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_postgres_says() {
        assert_eq!(version("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(version("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(version("something else"), None);
    }
}
