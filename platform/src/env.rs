//! Settings from the environment, with every fault reported at once.
//!
//! Asking never fails: it notes the fault and hands out a placeholder, and [`Env::finish`] says whether the
//! placeholders may be used. A person mends a configuration once, not once a restart. It never logs a value.

mod secret;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

pub use secret::{SAMPLE_MARK, Secret};

/// A secret's file may be a few PEM blocks; more is a wrong path.
const SECRET_MAX_BYTES: u64 = 64 * 1024;

/// Where the process runs: what is convenient on a laptop is refused in production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    Dev,
    Production,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<String>);

/// The environment of a process, read once.
#[derive(Debug)]
pub struct Env {
    values: BTreeMap<String, String>,
    environment: Environment,
    faults: RefCell<Vec<String>>,
}

impl Env {
    pub fn from_process() -> Self {
        Self::from_pairs(std::env::vars_os().filter_map(|(name, value)| {
            // A value that is not text cannot be one of ours; PATH-like ones of the machine may be anything.
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut env = Self {
            values: pairs.into_iter().collect(),
            environment: Environment::Production,
            faults: RefCell::default(),
        };
        env.environment = env.parse("SECURENET_ENVIRONMENT", Environment::Production);
        env
    }

    pub fn environment(&self) -> Environment {
        self.environment
    }

    pub fn required(&self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.fault(format!("{name} is not set"));
            String::new()
        })
    }

    /// A set but empty variable is one that is not set: shells and compose files produce them by accident.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.values.get(name).filter(|value| !value.is_empty()).cloned()
    }

    pub fn parse<T>(&self, name: &str, default: T) -> T
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        match self.optional(name).map(|value| value.parse()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(reason)) => {
                let reason: T::Err = reason;
                self.fault(format!("{name} cannot be read: {reason}"));
                default
            }
        }
    }

    /// A number with limits; outside of them it is a fault, not a surprise at night.
    pub fn bounded<T>(&self, name: &str, default: T, limits: std::ops::RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + fmt::Display,
        T::Err: fmt::Display,
    {
        let value = self.parse(name, default);
        if !limits.contains(&value) {
            self.fault(format!("{name} must lie between {} and {}", limits.start(), limits.end()));
        }
        value
    }

    /// `NAME`, or the contents of the file `NAME_FILE` names.
    pub fn secret(&self, name: &str) -> Secret {
        self.optional_secret(name).unwrap_or_else(|| {
            self.fault(format!("{name} is not set (nor {name}_FILE)"));
            Secret::default()
        })
    }

    /// `None` where neither is set; a file that cannot be read is a fault and not an absence.
    pub fn optional_secret(&self, name: &str) -> Option<Secret> {
        let file = format!("{name}_FILE");
        let secret = match (self.optional(name), self.optional(&file)) {
            (None, None) => return None,
            (Some(_), Some(_)) => {
                self.fault(format!("{name} and {file} are both set; which one holds is anybody's guess"));
                return Some(Secret::default());
            }
            (Some(value), None) => Secret::new(value),
            (None, Some(path)) => match read_secret(Path::new(&path)) {
                Ok(secret) => secret,
                Err(reason) => {
                    self.fault(format!("{file} cannot be read: {reason}"));
                    return Some(Secret::default());
                }
            },
        };
        if self.environment == Environment::Production && secret.is_sample() {
            self.fault(format!(
                "{name} is the published sample; everybody knows it (set one of your own, or SECURENET_ENVIRONMENT=dev)"
            ));
        }
        Some(secret)
    }

    /// Notes what a service finds wrong by itself, so that it is reported beside the rest.
    pub fn fault(&self, fault: impl Into<String>) {
        self.faults.borrow_mut().push(fault.into());
    }

    /// Turns what went wrong while making something out of a setting into a fault of that setting.
    pub fn check<T, E: fmt::Display>(&self, name: &str, made: Result<T, E>) -> Option<T> {
        made.map_err(|reason| self.fault(format!("{name} cannot be used: {reason}"))).ok()
    }

    /// Whether everything asked for so far may be used.
    pub fn finish(&self) -> Result<(), Faults> {
        // Services that run in one process ask for some settings twice.
        let mut seen = BTreeSet::new();
        let faults: Vec<_> = self.faults.borrow().iter().filter(|fault| seen.insert(*fault)).cloned().collect();
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }
}

impl Faults {
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings have {} fault(s):", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  - {fault}"))
    }
}

impl std::error::Error for Faults {}

#[derive(Debug, thiserror::Error)]
#[error("it is neither dev nor production")]
pub struct NotAnEnvironment;

impl FromStr for Environment {
    type Err = NotAnEnvironment;

    fn from_str(text: &str) -> Result<Self, NotAnEnvironment> {
        match text {
            "dev" => Ok(Self::Dev),
            "production" => Ok(Self::Production),
            _ => Err(NotAnEnvironment),
        }
    }
}

fn read_secret(path: &Path) -> Result<Secret, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > SECRET_MAX_BYTES {
        return Err(format!("it has more than {SECRET_MAX_BYTES} bytes"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let secret = Secret::new(text);
    if secret.expose().is_empty() { Err("it is empty".to_owned()) } else { Ok(secret) }
}
