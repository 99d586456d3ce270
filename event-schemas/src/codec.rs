//! Domain event → stored bytes, stored bytes → domain event. Sealing happens on the way in; on the way out personal
//! fields stay sealed, because a decision never needs them. It never opens, fetches or caches a key.

use domain::vocabulary::{StreamId, TenantId};
use sealed::{DataKey, Field, KeyId, NoRandomness, Place};
use uuid::Uuid;

use crate::{Broken, Written, catalogue};

/// An event's body at most: limits of single fields keep below it, and the store refuses what does not.
pub const BODY_MAX_BYTES: usize = 64 * 1024;

/// A domain event type and its written form.
pub trait Recorded: Sized {
    fn write(&self, sealing: &SealContext<'_>) -> Result<Written, EncodeError>;
    /// Parses through the domain's vocabulary, which may be stricter than the bytes.
    fn read(written: Written) -> Result<Self, Broken>;
}

/// Which event the personal fields of a body belong to, and where keys come from.
#[derive(Clone, Copy)]
pub struct SealContext<'a> {
    pub tenant: TenantId,
    /// A user's personal fields are about the user, whose id is the stream's.
    pub stream: StreamId,
    pub event_id: Uuid,
    pub keys: &'a dyn SubjectKeys,
}

/// The keys of persons, already unwrapped: encoding does not wait.
pub trait SubjectKeys {
    fn key_of(&self, subject: Uuid) -> Option<SubjectKey>;
}

#[derive(Clone, Debug)]
pub struct SubjectKey {
    pub id: KeyId,
    pub key: DataKey,
}

/// For events without personal fields, which is most of them.
#[derive(Clone, Copy, Debug)]
pub struct NoKeys;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    pub type_name: &'static str,
    pub schema_version: i16,
    pub body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<E = Written> {
    Event(E),
    /// The body was removed from the log for good; header and position remain.
    Purged,
}

#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error("a {type_name} of {bytes} bytes is over the limit of {BODY_MAX_BYTES}")]
    TooLarge { type_name: &'static str, bytes: usize },
    #[error("there is no key to seal {0} under")]
    NoKey(&'static str),
    #[error("{0} was read back sealed and cannot be written again")]
    Withheld(&'static str),
    #[error("a personal field cannot be sealed")]
    NoRandomness(#[from] NoRandomness),
    #[error("an event does not fit JSON")]
    Json(#[from] serde_json::Error),
}

#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer release, or never.
    #[error("no event type is called {0:?}")]
    UnknownType(String),
    /// Written by a newer release, or never.
    #[error("{type_name} has no version {version}")]
    UnknownVersion { type_name: &'static str, version: i16 },
    #[error("a {type_name} version {version} cannot be read")]
    Broken { type_name: &'static str, version: i16, source: Broken },
}

pub fn encode<E: Recorded>(event: &E, sealing: &SealContext<'_>) -> Result<Encoded, EncodeError> {
    encode_written(&event.write(sealing)?)
}

pub fn encode_written(written: &Written) -> Result<Encoded, EncodeError> {
    let (type_name, schema_version) = (written.type_name(), written.schema_version());
    let body = written.body()?;
    if body.len() > BODY_MAX_BYTES {
        return Err(EncodeError::TooLarge { type_name, bytes: body.len() });
    }
    Ok(Encoded { type_name, schema_version, body })
}

pub fn decode(type_name: &str, version: i16, body: Option<&[u8]>) -> Result<Decoded, DecodeError> {
    let family = catalogue::family(type_name).ok_or_else(|| DecodeError::UnknownType(type_name.to_owned()))?;
    let type_name = family.name;
    let stored = family.version(version).ok_or(DecodeError::UnknownVersion { type_name, version })?;
    let Some(body) = body else {
        return Ok(Decoded::Purged);
    };
    (stored.read)(body).map(Decoded::Event).map_err(|error| DecodeError::Broken {
        type_name,
        version,
        source: Broken::json(&error),
    })
}

/// As [`decode`], and on into the domain's own event.
pub fn decode_event<E: Recorded>(
    type_name: &str,
    version: i16,
    body: Option<&[u8]>,
) -> Result<Decoded<E>, DecodeError> {
    match decode(type_name, version, body)? {
        Decoded::Purged => Ok(Decoded::Purged),
        Decoded::Event(written) => {
            let type_name = written.type_name();
            E::read(written).map(Decoded::Event).map_err(|source| DecodeError::Broken { type_name, version, source })
        }
    }
}

impl SealContext<'_> {
    /// Seals a field of the body under the key of the stream's own person.
    pub(crate) fn seal_own(&self, path: &'static str, clear: &str) -> Result<Field, EncodeError> {
        let subject = self.stream.uuid();
        let SubjectKey { id, key } = self.keys.key_of(subject).ok_or(EncodeError::NoKey(path))?;
        let place = Place { tenant: self.tenant.uuid(), event_id: self.event_id, path };
        Ok(sealed::seal(&key, id, place, clear)?)
    }
}

impl<F: Fn(Uuid) -> Option<SubjectKey>> SubjectKeys for F {
    fn key_of(&self, subject: Uuid) -> Option<SubjectKey> {
        self(subject)
    }
}

impl SubjectKeys for NoKeys {
    fn key_of(&self, _: Uuid) -> Option<SubjectKey> {
        None
    }
}
