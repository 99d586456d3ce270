//! The written events of a scanner's key.

pub mod v1;

use domain::api_key::{Event, PublicId};
use domain::vocabulary::{Name, Timestamp};

use crate::codec::{EncodeError, Recorded, SealContext};
use crate::family::written_events;
use crate::parse::{Broken, text};
use crate::words;

written_events! {
    ApiKey in crate::Written = crate::Written::ApiKey {
        "api-key.issued" => Issued(v1::Issued) 1;
        "api-key.revoked" => Revoked(v1::Revoked) 1;
        "api-key.expired" => Expired(v1::Expired) 1;
    }
}

impl Recorded for Event {
    fn write(&self, _: &SealContext<'_>) -> Result<crate::Written, EncodeError> {
        Ok(crate::Written::ApiKey(match self {
            Self::Issued { name, public_id, expires_at } => Written::Issued(v1::Issued {
                name: name.to_string(),
                public_id: public_id.to_string(),
                purpose: words::SCANNER.to_owned(),
                expires_at: expires_at.map(Timestamp::micros),
            }),
            Self::Revoked => Written::Revoked(v1::Revoked {}),
            Self::Expired => Written::Expired(v1::Expired {}),
        }))
    }

    fn read(written: crate::Written) -> Result<Self, Broken> {
        let crate::Written::ApiKey(written) = written else {
            return Err(Broken::of_another_kind("a key", written.type_name()));
        };
        Ok(match written {
            // The domain knows keys of scanners only; one for something else must not pass for one.
            Written::Issued(event) if event.purpose != words::SCANNER => {
                return Err(Broken::new("/purpose", "unknown purpose"));
            }
            Written::Issued(event) => Self::Issued {
                name: text("/name", &event.name, Name::parse)?,
                public_id: text("/public_id", &event.public_id, PublicId::parse)?,
                expires_at: event.expires_at.map(Timestamp::from_micros),
            },
            Written::Revoked(v1::Revoked {}) => Self::Revoked,
            Written::Expired(v1::Expired {}) => Self::Expired,
        })
    }
}
