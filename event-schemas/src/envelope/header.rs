//! The header and its one spelling.

use domain::vocabulary::{StreamId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Actor;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub actor: Actor,
    pub body_len: u32,
    pub body_sha256: [u8; 32],
    /// The event that led to this one.
    pub causation: Option<Uuid>,
    /// Shared by everything that follows from one request.
    pub correlation: Uuid,
    pub id: Uuid,
    pub recorded_at: Timestamp,
    pub schema_version: i16,
    pub stream: StreamId,
    pub stream_version: i64,
    pub tenant: TenantId,
    /// The stored name.
    pub event_type: String,
}

#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    #[error("not a header")]
    Malformed(#[source] serde_json::Error),
    #[error("a header's body hash is 64 digits of lower-case hex")]
    BodyHash,
    /// The same facts in other bytes: keys out of order, white space, escapes, another spelling of an id.
    #[error("a header in another spelling than the one we write")]
    Spelling,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not the one its header commits to")]
pub struct BodyMismatch;

/// The fields in the order of their names, which is the order of the bytes. A test holds them sorted.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spelled {
    actor: Actor,
    body_len: u32,
    body_sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causation: Option<Uuid>,
    correlation: Uuid,
    id: Uuid,
    recorded_at: i64,
    schema_version: i16,
    stream: Uuid,
    stream_version: i64,
    tenant: Uuid,
    #[serde(rename = "type")]
    event_type: String,
}

impl Header {
    /// Length and hash as a header holds them.
    pub fn of_body(body: &[u8]) -> (u32, [u8; 32]) {
        let length = u32::try_from(body.len()).expect("a body is at most 64 KiB");
        (length, Sha256::digest(body).into())
    }

    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.spelled()).expect("plain text and integers always fit JSON")
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        let spelled: Spelled = serde_json::from_slice(bytes).map_err(HeaderError::Malformed)?;
        let header = Self {
            actor: spelled.actor,
            body_len: spelled.body_len,
            body_sha256: from_hex(&spelled.body_sha256).ok_or(HeaderError::BodyHash)?,
            causation: spelled.causation,
            correlation: spelled.correlation,
            id: spelled.id,
            recorded_at: Timestamp::from_micros(spelled.recorded_at),
            schema_version: spelled.schema_version,
            stream: StreamId::new(spelled.stream),
            stream_version: spelled.stream_version,
            tenant: TenantId::new(spelled.tenant),
            event_type: spelled.event_type,
        };
        if header.bytes() == bytes { Ok(header) } else { Err(HeaderError::Spelling) }
    }

    pub fn check_body(&self, body: &[u8]) -> Result<(), BodyMismatch> {
        let same = body.len() == self.body_len as usize && Sha256::digest(body).as_slice() == self.body_sha256;
        if same { Ok(()) } else { Err(BodyMismatch) }
    }

    fn spelled(&self) -> Spelled {
        Spelled {
            actor: self.actor,
            body_len: self.body_len,
            body_sha256: to_hex(&self.body_sha256),
            causation: self.causation,
            correlation: self.correlation,
            id: self.id,
            recorded_at: self.recorded_at.micros(),
            schema_version: self.schema_version,
            stream: self.stream.uuid(),
            stream_version: self.stream_version,
            tenant: self.tenant.uuid(),
            event_type: self.event_type.clone(),
        }
    }
}

/// By table: every event that is appended passes here.
fn to_hex(bytes: &[u8; 32]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let value = |digit: u8| if digit <= b'9' { digit - b'0' } else { digit - b'a' + 10 };
    Some(std::array::from_fn(|i| value(digits[2 * i]) << 4 | value(digits[2 * i + 1])))
}

#[cfg(test)]
mod tests;
