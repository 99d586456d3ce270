//! Who Postgres runs as: the caller, or where that is root, a user with less to lose.

use std::fs;
use std::io;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::PostgresError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// `None`: whoever called us will do.
    pub fn for_postgres() -> Result<Option<Self>, PostgresError> {
        if !is_root() {
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let found = find(&passwd, "postgres").or_else(|| find(&passwd, "nobody"));
        found.map(Some).ok_or(PostgresError::NoAccount)
    }

    /// The command, as this user.
    pub(super) fn run<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.uid(self.uid).gid(self.gid)
    }

    /// Asked by trying it, since modes alone do not tell (access lists, mounts).
    pub fn reaches(&self, directory: &Path) -> bool {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", r#"cd -- "$1""#, "sh"]).arg(directory).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.run(&mut command).status().is_ok_and(|status| status.success())
    }
}

pub fn is_root() -> bool {
    current_user() == 0
}

pub(super) fn give(path: &Path, account: Option<&Account>) -> io::Result<()> {
    account.map_or(Ok(()), |account| chown(path, Some(account.uid), Some(account.gid)))
}

/// The user that what Postgres owns belongs to.
pub(super) fn owner(account: Option<&Account>) -> u32 {
    account.map_or_else(current_user, |account| account.uid)
}

/// Asked of the system's own tool, because the standard library has no call for it and we have no unsafe code.
fn current_user() -> u32 {
    static USER: OnceLock<u32> = OnceLock::new();
    *USER.get_or_init(|| {
        let output = Command::new("id").arg("-u").output();
        let said = output.ok().and_then(|output| String::from_utf8(output.stdout).ok());
        said.and_then(|said| said.trim().parse().ok()).unwrap_or(u32::MAX)
    })
}

fn find(passwd: &str, name: &str) -> Option<Account> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2).map(str::parse);
    Some(Account { name: name.to_owned(), uid: numbers.next()?.ok()?, gid: numbers.next()?.ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\npostgres2:x:7:7::/:\npostgres:x:107:115:PostgreSQL,,,:/var:/bin/sh\n";
        let found = find(passwd, "postgres").unwrap();
        assert_eq!((found.uid, found.gid), (107, 115));
        assert_eq!(find(passwd, "nobody"), None);
    }
}
