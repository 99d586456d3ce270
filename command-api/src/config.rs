//! What an operator may set for the command side. Pools, listeners, keys of the key ring and the operator's token
//! belong to whoever wires the process.

use std::sync::Arc;
use std::time::Duration;

use domain::session::SESSION_MAX_HOURS;
use platform::auth::token::Signer;
use platform::env::Env;

/// Two keep both of two cores' flushes busy; each owns every other partition.
const APPENDERS_DEFAULT: usize = 2;
const APPENDERS_MAX: usize = 16;
const SESSION_DEFAULT_SECONDS: u64 = SESSION_MAX_HOURS * 60 * 60;
const SESSION_MIN_SECONDS: u64 = 1;

#[derive(Clone)]
pub struct Config {
    /// `SECURENET_APPENDERS`: connections that append, each for its own partitions.
    pub appenders: usize,
    /// `SECURENET_SESSION_SECONDS`: how long after a log in somebody must log in again at the latest.
    pub session_life: Duration,
    /// `SECURENET_TOKEN_KEY`: the Ed25519 key that access tokens are signed with, as PEM. Absent only with a fault.
    pub signer: Option<Arc<Signer>>,
}

impl Config {
    /// Faults are noted in `env`; whoever asked it for everything calls [`Env::finish`].
    pub fn from_env(env: &Env) -> Self {
        let token_key = env.secret("SECURENET_TOKEN_KEY");
        let signer = match token_key.expose() {
            "" => None,
            pem => env.check("SECURENET_TOKEN_KEY", Signer::from_pem(pem)).map(Arc::new),
        };
        let seconds = env.bounded(
            "SECURENET_SESSION_SECONDS",
            SESSION_DEFAULT_SECONDS,
            SESSION_MIN_SECONDS..=SESSION_DEFAULT_SECONDS,
        );
        Self {
            appenders: env.bounded("SECURENET_APPENDERS", APPENDERS_DEFAULT, 1..=APPENDERS_MAX),
            session_life: Duration::from_secs(seconds),
            signer,
        }
    }
}

#[cfg(test)]
mod tests {
    use platform::auth::token::generate_pem;

    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_signing_key_is_all_that_must_be_set() {
        let (pem, _) = generate_pem().unwrap();
        let env = env(&[("SECURENET_TOKEN_KEY", &pem)]);
        let config = Config::from_env(&env);
        assert!(env.finish().is_ok());
        assert!(config.signer.is_some());
        assert_eq!(config.session_life, Duration::from_secs(12 * 60 * 60));
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let env =
            env(&[("SECURENET_TOKEN_KEY", "no pem"), ("SECURENET_APPENDERS", "0"), ("SECURENET_SESSION_SECONDS", "0")]);
        Config::from_env(&env);
        assert_eq!(env.finish().unwrap_err().iter().count(), 3);
    }
}
