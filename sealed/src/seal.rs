//! Seal and open one personal value. A sealed value is bound to its tenant, its event, its path in that event and its
//! key, so that a ciphertext moved anywhere else does not open. A destroyed key is a value here, never an error.

use uuid::Uuid;

use crate::aead::{self, NoRandomness};
use crate::field::Field;
use crate::key::{DataKey, KeyId};

/// Where a sealed value stands. Whoever stores the ciphertext elsewhere keeps these three beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    pub tenant: Uuid,
    pub event_id: Uuid,
    /// JSON pointer of the value, led by the part of the event it is in: `/body/login`, `/meta/ip`.
    pub path: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    Clear(String),
    /// The person's key was destroyed: nobody can read this any more, and that is the right answer.
    Erased,
}

/// The key is the right one, yet the field is not what was sealed at this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed field is not what was sealed at this place")]
pub struct Tampered;

pub fn seal(key: &DataKey, key_id: KeyId, place: Place<'_>, plaintext: &str) -> Result<Field, NoRandomness> {
    Ok(seal_with(key, key_id, place, plaintext, aead::random_nonce()?))
}

/// `key` is the key called [`Field::key_id`], or none where it was destroyed.
pub fn open(field: &Field, place: Place<'_>, key: Option<&DataKey>) -> Result<Opened, Tampered> {
    let Some(key) = key else {
        return Ok(Opened::Erased);
    };
    let clear =
        aead::decrypt(key, &field.nonce, &bound_to(place, field.key), &field.ciphertext).map_err(|_| Tampered)?;
    String::from_utf8(clear).map(Opened::Clear).map_err(|_| Tampered)
}

fn seal_with(key: &DataKey, key_id: KeyId, place: Place<'_>, plaintext: &str, nonce: aead::NonceBytes) -> Field {
    let ciphertext = aead::encrypt(key, &nonce, &bound_to(place, key_id), plaintext.as_bytes());
    Field { key: key_id, nonce, ciphertext }
}

/// The path is the only part of variable length and stands between parts of fixed length, so no two places meet.
fn bound_to(place: Place<'_>, key: KeyId) -> Vec<u8> {
    format!("{}|{}|{}|{}", place.tenant, place.event_id, place.path, key).into_bytes()
}

#[cfg(test)]
mod tests;
