//! What query-api takes from its environment.
//!
//! Pools, listeners and the key ring belong to whoever wires the process; here is only what this service alone
//! decides by.

use platform::env::{Env, Secret};

/// Shorter keys could be guessed; `openssl rand -base64 32` gives 44 characters.
const CURSOR_KEY_MIN_BYTES: usize = 32;
/// Summaries kept unless told otherwise: one a tenant and position, some kilobytes each.
const SUMMARY_CACHE_DEFAULT_ENTRIES: u64 = 2_000;
/// The most summaries that may be kept.
const SUMMARY_CACHE_MAX_ENTRIES: u64 = 1_000_000;

/// The settings of query-api.
#[derive(Debug, Clone)]
pub struct Config {
    /// `SECURENET_CURSOR_KEY`: signs the cursors of lists; the same for all processes of a deployment.
    pub cursor_key: Secret,
    /// `SECURENET_SUMMARY_CACHE_ENTRIES`: how many summaries stay in memory.
    pub summary_cache_entries: u64,
    /// `SECURENET_KEEP_ANSWERS`: whether first pages of lists are kept for whoever asks the same.
    pub keep_answers: bool,
}

impl Config {
    /// Faults are noted in `env`; whoever asked it for everything calls [`Env::finish`].
    pub fn from_env(env: &Env) -> Self {
        let cursor_key = env.secret("SECURENET_CURSOR_KEY");
        let length = cursor_key.expose().len();
        if (1..CURSOR_KEY_MIN_BYTES).contains(&length) {
            env.fault(format!("SECURENET_CURSOR_KEY needs at least {CURSOR_KEY_MIN_BYTES} characters"));
        }
        let summary_cache_entries = env.bounded(
            "SECURENET_SUMMARY_CACHE_ENTRIES",
            SUMMARY_CACHE_DEFAULT_ENTRIES,
            1..=SUMMARY_CACHE_MAX_ENTRIES,
        );
        Self { cursor_key, summary_cache_entries, keep_answers: env.parse("SECURENET_KEEP_ANSWERS", true) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(key: &str) -> Env {
        Env::from_pairs([("SECURENET_CURSOR_KEY".to_owned(), key.to_owned())])
    }

    #[test]
    fn a_cursor_key_that_could_be_guessed_is_a_fault() {
        let short = env("short");
        Config::from_env(&short);
        assert!(short.finish().is_err());
        let long = env("c3VyZWx5IGxvbmcgZW5vdWdoIGZvciBhIGtleQ==");
        assert_eq!(Config::from_env(&long).summary_cache_entries, SUMMARY_CACHE_DEFAULT_ENTRIES);
        assert!(long.finish().is_ok());
    }

    #[test]
    fn a_missing_cursor_key_is_a_fault() {
        let none = Env::from_pairs([]);
        Config::from_env(&none);
        assert!(none.finish().is_err());
    }
}
