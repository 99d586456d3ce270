//! What helps and proves nothing: the trace an event was written in, and where its request came from, sealed. It may be
//! purged from the log, so nothing may follow from it.

use sealed::Field;
use serde::{Deserialize, Serialize};

/// Where [`Meta::ip`] stands, as sealing binds it.
pub const IP_PATH: &str = "/meta/ip";
/// Where [`Meta::user_agent`] stands, as sealing binds it.
pub const USER_AGENT_PATH: &str = "/meta/user_agent";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<Field>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Field>,
}

/// Without serde's reason, which repeats values: an address in the clear would end in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event's meta cannot be read")]
pub struct MetaError;

impl Meta {
    /// None if there is nothing to keep.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        (*self != Self::default())
            .then(|| serde_json::to_vec(self).expect("plain text and sealed fields always fit JSON"))
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, MetaError> {
        serde_json::from_slice(bytes).map_err(|_| MetaError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_reads_back_and_tolerates_what_a_newer_release_adds() {
        let meta = Meta { traceparent: Some("00-a-b-01".into()), ..Meta::default() };
        assert_eq!(meta.bytes().unwrap(), br#"{"traceparent":"00-a-b-01"}"#);
        assert_eq!(Meta::parse(br#"{"traceparent":"00-a-b-01","more":1}"#).unwrap(), meta);
    }

    #[test]
    fn nothing_known_is_stored_as_nothing() {
        assert_eq!(Meta::default().bytes(), None);
    }

    #[test]
    fn an_address_in_the_clear_is_not_meta() {
        assert_eq!(Meta::parse(br#"{"ip":"192.0.2.1"}"#), Err(MetaError));
    }
}
