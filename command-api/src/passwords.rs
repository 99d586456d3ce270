//! Password hashing on few of tokio's blocking threads, so that a flood of log ins slows log ins and nothing else. Nobody
//! else may park those threads: parsers of uploads, which wait for a client, have threads of their own (`scans`).
//! It never stores, logs or compares a password itself, and never says why a verification failed.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub const PASSWORD_MIN_CHARS: usize = 12;
/// The cap comes before the hash: the length of an attempt must not decide how long we work for a stranger.
pub const PASSWORD_MAX_CHARS: usize = 256;

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// At about 30 ms a hash, one worker clears such a queue in two seconds.
const QUEUE_PER_WORKER: usize = 64;
/// What a client that met a full queue is told to wait.
pub const BUSY_RETRY_AFTER_SECONDS: u32 = 2;

/// A password as the person meant it: NFC, of allowed length, wiped when dropped.
pub struct Password(Zeroizing<String>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    #[error("must have at least {PASSWORD_MIN_CHARS} characters")]
    TooShort,
    #[error("must have at most {PASSWORD_MAX_CHARS} characters")]
    TooLong,
}

#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    #[error("too many passwords are being checked")]
    Busy,
    #[error("hashing a password failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The bounded hashing pool.
#[derive(Clone)]
pub struct Passwords {
    workers: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    queue_limit: usize,
    /// Verified when the user does not exist, so that the answer takes as long.
    nobody: Arc<str>,
}

impl PasswordFault {
    /// Stable, for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort => "too-short",
            Self::TooLong => "too-long",
        }
    }
}

impl Password {
    /// A password somebody chooses.
    pub fn choose(text: &str) -> Result<Self, PasswordFault> {
        let password = Self::attempt(text)?;
        match password.0.chars().count() {
            PASSWORD_MIN_CHARS.. => Ok(password),
            _ => Err(PasswordFault::TooShort),
        }
    }

    /// A password somebody tries. A short one is hashed like any other: its length tells nothing about the user.
    pub fn attempt(text: &str) -> Result<Self, PasswordFault> {
        // Normalization may shorten a text threefold, never more; so the raw text can be capped before any work.
        if text.len() > PASSWORD_MAX_CHARS * 16 {
            return Err(PasswordFault::TooLong);
        }
        let normal: Zeroizing<String> = Zeroizing::new(text.nfc().collect());
        match normal.chars().count() {
            0..=PASSWORD_MAX_CHARS => Ok(Self(normal)),
            _ => Err(PasswordFault::TooLong),
        }
    }
}

impl Passwords {
    /// A pool that leaves one core to everything else.
    pub fn new() -> Result<Self, HashingError> {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let workers = cores.saturating_sub(1).max(1);
        Self::with_limits(workers, workers * QUEUE_PER_WORKER)
    }

    pub fn with_limits(workers: usize, queue_limit: usize) -> Result<Self, HashingError> {
        Ok(Self {
            workers: Arc::new(Semaphore::new(workers)),
            waiting: Arc::new(AtomicUsize::new(0)),
            queue_limit,
            nobody: hash(b"the password of nobody at all")?.into(),
        })
    }

    /// The PHC string to keep.
    pub async fn hash(&self, password: Password) -> Result<String, HashingError> {
        self.run(move || hash(password.0.as_bytes())).await?
    }

    /// Whether `password` belongs to `phc`; without one the same work is done and the answer is no.
    pub async fn verify(&self, password: Password, phc: Option<String>) -> Result<bool, HashingError> {
        let known = phc.is_some();
        let phc = phc.unwrap_or_else(|| self.nobody.to_string());
        let matches = self.run(move || hasher().verify_password(password.0.as_bytes(), phc.as_str()).is_ok()).await?;
        Ok(matches && known)
    }

    /// The permit travels into the blocking task: a client that hangs up does not make room for another hash
    /// while its own is still running.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashingError> {
        let _place = Place::take(&self.waiting, self.queue_limit).ok_or(HashingError::Busy)?;
        let permit = Arc::clone(&self.workers).acquire_owned().await.map_err(failed)?;
        let task = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        task.await.map_err(failed)
    }
}

/// A place in the queue, given back however the waiting ends.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| (n < limit).then_some(n + 1)).ok()?;
        Some(Self(Arc::clone(waiting)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn hash(password: &[u8]) -> Result<String, HashingError> {
    Ok(hasher().hash_password(password).map_err(failed)?.to_string())
}

fn hasher() -> Argon2<'static> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the pinned parameters are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> HashingError {
    HashingError::Failed(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Password {
        Password::choose(text).unwrap()
    }

    #[tokio::test]
    async fn a_kept_hash_carries_the_pinned_parameters_and_knows_its_password() {
        let pool = Passwords::with_limits(1, 8).unwrap();
        let phc = pool.hash(chosen("correct horse battery")).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(pool.verify(chosen("correct horse battery"), Some(phc.clone())).await.unwrap());
        assert!(!pool.verify(chosen("correct horse batterz"), Some(phc)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_never_logs_in_not_even_with_nobodys_password() {
        let pool = Passwords::with_limits(1, 8).unwrap();
        assert!(!pool.verify(chosen("the password of nobody at all"), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_full_queue_answers_busy_instead_of_growing() {
        let pool = Passwords::with_limits(1, 1).unwrap();
        let (first, second) = tokio::join!(
            pool.verify(chosen("correct horse battery"), None),
            pool.verify(chosen("correct horse battery"), None),
        );
        assert!(first.is_ok());
        assert!(matches!(second, Err(HashingError::Busy)));
        assert!(pool.verify(chosen("correct horse battery"), None).await.is_ok(), "the place is free again");
    }

    #[test]
    fn length_counts_characters_after_normalization() {
        assert!(matches!(Password::choose("short"), Err(PasswordFault::TooShort)));
        assert!(Password::choose(&"é".repeat(256)).is_ok());
        assert!(Password::choose(&"e\u{301}".repeat(256)).is_ok());
        assert!(matches!(Password::choose(&"é".repeat(257)), Err(PasswordFault::TooLong)));
        assert!(Password::attempt("short").is_ok());
    }

    #[tokio::test]
    async fn the_same_word_typed_in_two_normal_forms_is_one_password() {
        let pool = Passwords::with_limits(1, 8).unwrap();
        let phc = pool.hash(chosen("caf\u{e9} au lait, please")).await.unwrap();
        assert!(pool.verify(chosen("cafe\u{301} au lait, please"), Some(phc)).await.unwrap());
    }
}
