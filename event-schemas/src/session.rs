//! The written events of a session.

pub mod v1;

use domain::session::Event;
use domain::vocabulary::{Timestamp, UserId};

use crate::codec::{EncodeError, Recorded, SealContext};
use crate::family::written_events;
use crate::parse::Broken;

written_events! {
    Session in crate::Written = crate::Written::Session {
        "session.started" => Started(v1::Started) 1;
        "session.logged-out" => LoggedOut(v1::LoggedOut) 1;
        "session.expired" => Expired(v1::Expired) 1;
    }
}

impl Recorded for Event {
    fn write(&self, _: &SealContext<'_>) -> Result<crate::Written, EncodeError> {
        Ok(crate::Written::Session(match self {
            Self::Started { user, expires_at } => {
                Written::Started(v1::Started { user: user.uuid(), expires_at: expires_at.micros() })
            }
            Self::LoggedOut => Written::LoggedOut(v1::LoggedOut {}),
            Self::Expired => Written::Expired(v1::Expired {}),
        }))
    }

    fn read(written: crate::Written) -> Result<Self, Broken> {
        let crate::Written::Session(written) = written else {
            return Err(Broken::of_another_kind("a session", written.type_name()));
        };
        Ok(match written {
            Written::Started(event) => {
                Self::Started { user: UserId::new(event.user), expires_at: Timestamp::from_micros(event.expires_at) }
            }
            Written::LoggedOut(v1::LoggedOut {}) => Self::LoggedOut,
            Written::Expired(v1::Expired {}) => Self::Expired,
        })
    }
}
