//! The directory of one private deployment: its lock, and the secrets that are made once and kept for it.
//!
//! Every file in it that says something worth hiding has mode 600. It knows nothing of Postgres or HTTP.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use platform::env::Secret;
use platform::private_postgres::is_root;

/// As long as the keys they stand for: AES-256, HMAC-SHA-256.
const KEY_BYTES: usize = 32;
const PASSWORD_CHARS: usize = 20;
const PASSWORD_GROUP_CHARS: usize = 5;
/// Without l, o, 0 and 1, which people confuse; thirty-two, so that five bits of a byte choose one evenly.
const PASSWORD_ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const OURS_ALONE: u32 = 0o600;

#[derive(Debug, thiserror::Error)]
pub(crate) enum DevDirError {
    #[error("{}: {what}", .path.display())]
    Io { path: PathBuf, what: &'static str, source: io::Error },
    #[error("another `securenet up` runs on {}; stop it first, or choose another --dir", .0.display())]
    Taken(PathBuf),
    #[error("the machine gives no randomness")]
    NoRandomness(#[source] getrandom::Error),
    #[error("a signing key cannot be made")]
    NoSigningKey(#[source] platform::auth::token::KeyError),
}

/// Held for as long as the deployment runs; dropping it lets the next one in.
pub(crate) struct DevDir {
    path: PathBuf,
    _lock: File,
}

impl DevDir {
    /// Makes it where it is missing, and takes it for this process alone.
    pub(crate) fn open(path: &Path) -> Result<Self, DevDirError> {
        if !path.is_dir() {
            fs::create_dir_all(path).map_err(io_error(path, "cannot be made"))?;
            // Root's Postgres runs as another user, who passes through here without looking around.
            let mode = if is_root() { 0o711 } else { 0o700 };
            set_mode(path, mode)?;
        }
        let path = fs::canonicalize(path).map_err(io_error(path, "cannot be found"))?;
        let lock = path.join("lock");
        let file = private_file(&lock, false).map_err(io_error(&lock, "cannot be opened"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, _lock: file }),
            Err(TryLockError::WouldBlock) => Err(DevDirError::Taken(path)),
            Err(TryLockError::Error(source)) => Err(io_error(&lock, "cannot be locked")(source)),
        }
    }

    /// Absolute, so that what is printed works from anywhere.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A key of 32 random bytes, as base64.
    pub(crate) fn key(&self, name: &str) -> Result<Secret, DevDirError> {
        self.secret(name, || random::<KEY_BYTES>().map(|bytes| STANDARD.encode(bytes)))
    }

    /// A secret that needs no quoting anywhere: letters, digits and dashes.
    pub(crate) fn password(&self, name: &str) -> Result<Secret, DevDirError> {
        self.secret(name, password)
    }

    /// The private key that signs access tokens, as PEM.
    pub(crate) fn signing_key(&self, name: &str) -> Result<Secret, DevDirError> {
        self.secret(name, || {
            let (private, _) = platform::auth::token::generate_pem().map_err(DevDirError::NoSigningKey)?;
            Ok(private.to_string())
        })
    }

    /// What was kept under this name, if anything was.
    pub(crate) fn kept(&self, name: &str) -> Result<Option<Secret>, DevDirError> {
        let path = self.secret_path(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(&path, "cannot be read")(error)),
        }
    }

    /// Keeps a secret that somebody else made.
    pub(crate) fn keep(&self, name: &str, secret: &str) -> Result<(), DevDirError> {
        let directory = self.path.join("secrets");
        if !directory.is_dir() {
            fs::create_dir_all(&directory).map_err(io_error(&directory, "cannot be made"))?;
            set_mode(&directory, 0o700)?;
        }
        replace(&self.secret_path(name), secret)
    }

    /// Replaces a file of the directory in one step: whoever reads it sees the old text or the new.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), DevDirError> {
        replace(&self.path.join(name), text)
    }

    /// Kept before it is handed out, so that nothing is ever locked with a key that a crash then loses.
    fn secret(&self, name: &str, make: impl FnOnce() -> Result<String, DevDirError>) -> Result<Secret, DevDirError> {
        if let Some(secret) = self.kept(name)? {
            return Ok(secret);
        }
        let secret = Secret::new(make()?);
        self.keep(name, secret.expose())?;
        Ok(secret)
    }

    fn secret_path(&self, name: &str) -> PathBuf {
        self.path.join("secrets").join(name)
    }
}

fn replace(path: &Path, text: &str) -> Result<(), DevDirError> {
    let draft = path.with_extension("new");
    let write = || {
        let mut file = private_file(&draft, true)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().map_err(io_error(path, "cannot be written"))
}

fn private_file(path: &Path, truncate: bool) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(truncate).write(true).mode(OURS_ALONE).open(path)
}

fn set_mode(path: &Path, mode: u32) -> Result<(), DevDirError> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(io_error(path, "cannot be protected"))
}

fn io_error(path: &Path, what: &'static str) -> impl Fn(io::Error) -> DevDirError {
    move |source| DevDirError::Io { path: path.to_owned(), what, source }
}

fn password() -> Result<String, DevDirError> {
    let mut password = String::new();
    for (at, byte) in random::<PASSWORD_CHARS>()?.iter().enumerate() {
        if at > 0 && at % PASSWORD_GROUP_CHARS == 0 {
            password.push('-');
        }
        password.push(char::from(PASSWORD_ALPHABET[usize::from(byte % 32)]));
    }
    Ok(password)
}

fn random<const N: usize>() -> Result<[u8; N], DevDirError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(DevDirError::NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somewhere(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("securenet-dev-dir-{}-{name}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        path
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_directory_is_taken_by_one_process_at_a_time() {
        let path = somewhere("lock");
        let first = DevDir::open(&path).unwrap();
        assert!(matches!(DevDir::open(&path), Err(DevDirError::Taken(_))));
        drop(first);
        assert!(DevDir::open(&path).is_ok());
        fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn a_secret_is_made_once_and_read_by_its_owner_alone() {
        let path = somewhere("secret");
        let directory = DevDir::open(&path).unwrap();
        let made = directory.password("admin").unwrap();
        assert_eq!(directory.password("admin").unwrap(), made);
        assert_ne!(directory.password("viewer").unwrap(), made);
        assert_eq!(mode(&path.join("secrets/admin")), 0o600);
        assert_eq!(mode(&path.join("secrets")), 0o700);
        directory.write("credentials", "SECURENET_URL=somewhere\n").unwrap();
        assert_eq!(mode(&path.join("credentials")), 0o600);
        fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn a_password_needs_no_quotes() {
        let password = password().unwrap();
        assert_eq!(password.len(), PASSWORD_CHARS + PASSWORD_CHARS / PASSWORD_GROUP_CHARS - 1);
        assert!(password.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
    }
}
