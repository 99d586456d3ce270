//! Whether the relay can do its work, for `/health/ready`. Kafka away is no reason to say no: commands go on, and the
//! relay catches up; that shows as lag.

use std::sync::{Arc, Mutex, PoisonError};

use super::SessionError;

/// Clones are the same status.
#[derive(Clone, Default)]
pub struct RelayStatus(Arc<Mutex<Option<&'static str>>>);

impl RelayStatus {
    /// The reason why not.
    pub fn ready(&self) -> Result<(), String> {
        let trouble = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.map_or(Ok(()), |trouble| Err(trouble.to_owned()))
    }

    pub(super) fn connected(&self) {
        self.set(None);
    }

    pub(super) fn ended(&self, error: &SessionError) {
        self.set(match error {
            SessionError::Store(_) | SessionError::Changed(_) => Some("the event store is away"),
            SessionError::Ahead { .. } => Some("Kafka is ahead of the log"),
            SessionError::Kafka(_) => None,
        });
    }

    fn set(&self, trouble: Option<&'static str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}
