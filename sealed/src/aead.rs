//! AES-256-GCM with a random 96-bit nonce, the one cipher of this crate. It never chooses what is authenticated beside
//! the plaintext; its callers do.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};

use crate::key::DataKey;

/// 96 bits. Random nonces are safe up to 2^32 messages a key, far more than a person or a tenant's keys will see.
pub(crate) const NONCE_BYTES: usize = 12;
/// What the cipher adds to the plaintext's length.
pub(crate) const TAG_BYTES: usize = 16;

pub(crate) type NonceBytes = [u8; NONCE_BYTES];

/// Without randomness there is no nonce, and a repeated nonce would give the key away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no randomness")]
pub struct NoRandomness;

/// The ciphertext or what it is bound to is not what was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAuthentic;

pub(crate) fn random_nonce() -> Result<NonceBytes, NoRandomness> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|_| NoRandomness)?;
    Ok(nonce)
}

pub(crate) fn encrypt(key: &DataKey, nonce: &NonceBytes, bound_to: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let payload = Payload { msg: plaintext, aad: bound_to };
    cipher(key).encrypt(&Nonce::from(*nonce), payload).expect("AES-GCM only refuses messages over 64 GiB")
}

pub(crate) fn decrypt(
    key: &DataKey,
    nonce: &NonceBytes,
    bound_to: &[u8],
    ciphertext: &[u8],
) -> Result<Vec<u8>, NotAuthentic> {
    let payload = Payload { msg: ciphertext, aad: bound_to };
    cipher(key).decrypt(&Nonce::from(*nonce), payload).map_err(|_| NotAuthentic)
}

fn cipher(key: &DataKey) -> Aes256Gcm {
    let key: &Key<Aes256Gcm> = key.bytes().try_into().expect("a DataKey has the length AES-256 takes");
    Aes256Gcm::new(key)
}
