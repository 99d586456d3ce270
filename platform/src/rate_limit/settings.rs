//! The limits of a deployment. Those for whoever is known are generous: they keep one program's mistake from being
//! everybody's outage, and are no price list.

use super::{Class, Limit};
use crate::env::{Env, Environment};

const ADDRESS_DEFAULT: Limit = Limit::new(100, 2_000);
/// A burst fills less than half of the queue of one hashing worker, and what follows is less than one clears.
const LOG_IN_DEFAULT: Limit = Limit::new(10, 30);
const USER_DEFAULT: Limit = Limit::new(500, 5_000);
const KEY_DEFAULT: Limit = Limit::new(2_000, 20_000);
const ORGANIZATION_DEFAULT: Limit = Limit::new(10_000, 50_000);
/// On a machine of one's own nobody else suffers, and benchmarks and tests ask as fast as they can.
const DEV_DEFAULT: Limit = Limit::new(1_000_000, 10_000_000);

/// A limit for each class; `None`: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    pub address: Option<Limit>,
    pub log_in: Option<Limit>,
    pub user: Option<Limit>,
    pub key: Option<Limit>,
    pub organization: Option<Limit>,
}

impl Settings {
    /// | variable | whose requests | default |
    /// |---|---|---|
    /// | `SECURENET_RATE_LIMIT_ADDRESS` | an anonymous address's (IPv6: its /64) | 100/2000 |
    /// | `SECURENET_RATE_LIMIT_LOG_IN` | the same at log in and invitations | 10/30 |
    /// | `SECURENET_RATE_LIMIT_USER` | a user's, over all sessions | 500/5000 |
    /// | `SECURENET_RATE_LIMIT_KEY` | an API key's | 2000/20000 |
    /// | `SECURENET_RATE_LIMIT_ORGANIZATION` | all of an organization's | 10000/50000 |
    ///
    /// Each is `<requests a second>/<burst>` or `off`. With `SECURENET_ENVIRONMENT=dev` all but the log-in's default to
    /// more than one machine can ask.
    pub fn from_env(env: &Env) -> Self {
        let dev = env.environment() == Environment::Dev;
        let or_dev = |limit| if dev { DEV_DEFAULT } else { limit };
        let read = |name: &str, default: Limit| match env.optional(name).as_deref() {
            Some("off") => None,
            Some(_) | None => Some(env.parse(name, default)),
        };
        Self {
            address: read("SECURENET_RATE_LIMIT_ADDRESS", or_dev(ADDRESS_DEFAULT)),
            log_in: read("SECURENET_RATE_LIMIT_LOG_IN", LOG_IN_DEFAULT),
            user: read("SECURENET_RATE_LIMIT_USER", or_dev(USER_DEFAULT)),
            key: read("SECURENET_RATE_LIMIT_KEY", or_dev(KEY_DEFAULT)),
            organization: read("SECURENET_RATE_LIMIT_ORGANIZATION", or_dev(ORGANIZATION_DEFAULT)),
        }
    }

    /// No limits at all.
    pub const fn off() -> Self {
        Self { address: None, log_in: None, user: None, key: None, organization: None }
    }

    pub(super) const fn of(&self, class: Class) -> Option<Limit> {
        match class {
            Class::Address => self.address,
            Class::LogIn => self.log_in,
            Class::User => self.user,
            Class::Key => self.key,
            Class::Organization => self.organization,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_limit_is_set_turned_off_or_left_at_its_default() {
        let env = env(&[("SECURENET_RATE_LIMIT_USER", "7/9"), ("SECURENET_RATE_LIMIT_KEY", "off")]);
        let settings = Settings::from_env(&env);
        assert!(env.finish().is_ok());
        assert_eq!((settings.user, settings.key), (Some(Limit::new(7, 9)), None));
        assert_eq!(settings.organization, Some(ORGANIZATION_DEFAULT));
    }

    #[test]
    fn on_a_machine_of_ones_own_only_log_ins_are_limited_closely() {
        let settings = Settings::from_env(&env(&[("SECURENET_ENVIRONMENT", "dev")]));
        assert_eq!((settings.user, settings.log_in), (Some(DEV_DEFAULT), Some(LOG_IN_DEFAULT)));
    }

    #[test]
    fn what_is_no_limit_is_a_fault() {
        let env = env(&[("SECURENET_RATE_LIMIT_ADDRESS", "many")]);
        Settings::from_env(&env);
        assert!(env.finish().is_err());
    }
}
