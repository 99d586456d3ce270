//! What is true of a session now.

use serde::{Deserialize, Serialize};

use crate::decider::{ImpossibleHistory, StreamIndex};
use crate::session::Event;
use crate::vocabulary::{StreamId, Timestamp, UserId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Session {
    Unstarted,
    Running { user: UserId, expires_at: Timestamp },
    Ended { user: UserId },
}

pub(super) fn evolve(session: Session, event: &Event) -> Result<Session, ImpossibleHistory> {
    use {Event as E, Session as S};
    Ok(match (session, event) {
        (S::Unstarted, &E::Started { user, expires_at }) => S::Running { user, expires_at },
        (S::Running { user, .. }, E::LoggedOut | E::Expired) => S::Ended { user },
        (state, event @ (E::Started { .. } | E::LoggedOut | E::Expired)) => {
            return Err(ImpossibleHistory::of(&state, event));
        }
    })
}

pub(super) fn index(session: &Session) -> StreamIndex {
    match *session {
        Session::Unstarted => StreamIndex::default(),
        Session::Running { user, expires_at } => {
            StreamIndex { parent: Some(StreamId::from(user)), lane: None, open: true, due_at: Some(expires_at) }
        }
        Session::Ended { user } => StreamIndex { parent: Some(StreamId::from(user)), ..StreamIndex::default() },
    }
}
