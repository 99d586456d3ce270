//! What is true of a key now.

use serde::{Deserialize, Serialize};

use crate::api_key::{Event, PublicId, SCANNER_LANE};
use crate::decider::{ImpossibleHistory, StreamIndex};
use crate::vocabulary::{Name, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApiKey {
    Unissued,
    Live {
        name: Name,
        public_id: PublicId,
        expires_at: Option<Timestamp>,
    },
    /// Revoked or expired, which makes no difference to anything that may still happen.
    Ended,
}

pub(super) fn evolve(key: ApiKey, event: &Event) -> Result<ApiKey, ImpossibleHistory> {
    use {ApiKey as K, Event as E};
    Ok(match (key, event) {
        (K::Unissued, E::Issued { name, public_id, expires_at }) => {
            K::Live { name: name.clone(), public_id: public_id.clone(), expires_at: *expires_at }
        }
        (K::Live { .. }, E::Revoked | E::Expired) => K::Ended,
        (state, event @ (E::Issued { .. } | E::Revoked | E::Expired)) => {
            return Err(ImpossibleHistory::of(&state, event));
        }
    })
}

pub(super) fn index(key: &ApiKey) -> StreamIndex {
    let (open, due_at) = match key {
        ApiKey::Unissued => return StreamIndex::default(),
        ApiKey::Live { expires_at, .. } => (true, *expires_at),
        ApiKey::Ended => (false, None),
    };
    StreamIndex { parent: None, lane: Some(SCANNER_LANE.to_owned()), open, due_at }
}
