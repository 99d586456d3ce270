//! The key of a scanner: `snk_<12 public>_<32 secret><6 checksum>`, all base62.
//!
//! The checksum turns away typing errors and guesses before anything is looked up; it is no secret. At rest there is
//! only the SHA-256 of the secret: 190 bits of chance need no slow hash, and a scanner calls often.

#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub const PREFIX: &str = "snk_";
pub const PUBLIC_ID_CHARS: usize = 12;
const SECRET_CHARS: usize = 32;
const CHECKSUM_CHARS: usize = 6;
const KEY_CHARS: usize = PREFIX.len() + PUBLIC_ID_CHARS + 1 + SECRET_CHARS + CHECKSUM_CHARS;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key as its holder has it. It exists at issue and while a request is checked, nowhere else.
pub struct ApiKey {
    text: Zeroizing<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no scanner key, or it was mistyped")]
pub struct NotAKey;

impl ApiKey {
    /// A new key out of the machine's randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut text = Zeroizing::new(String::with_capacity(KEY_CHARS));
        text.push_str(PREFIX);
        push_random(&mut text, PUBLIC_ID_CHARS)?;
        text.push('_');
        push_random(&mut text, SECRET_CHARS)?;
        let sum = checksum(&text);
        text.push_str(&sum);
        Ok(Self { text })
    }

    /// Only a key whose checksum fits is a key.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let bytes = text.as_bytes();
        let underscore = PREFIX.len() + PUBLIC_ID_CHARS;
        if bytes.len() != KEY_CHARS || !text.starts_with(PREFIX) || bytes[underscore] != b'_' {
            return Err(NotAKey);
        }
        let plain = bytes
            .iter()
            .enumerate()
            .skip(PREFIX.len())
            .all(|(at, byte)| at == underscore || byte.is_ascii_alphanumeric());
        if !plain {
            return Err(NotAKey);
        }
        let (before, sum) = text.split_at(KEY_CHARS - CHECKSUM_CHARS);
        if checksum(before) != sum {
            return Err(NotAKey);
        }
        Ok(Self { text: Zeroizing::new(text.to_owned()) })
    }

    /// What the key is looked up by and what may be shown of it.
    pub fn public_id(&self) -> &str {
        &self.text[PREFIX.len()..PREFIX.len() + PUBLIC_ID_CHARS]
    }

    /// What is kept of the secret.
    pub fn secret_sha256(&self) -> [u8; 32] {
        let start = PREFIX.len() + PUBLIC_ID_CHARS + 1;
        Sha256::digest(&self.text.as_bytes()[start..start + SECRET_CHARS]).into()
    }

    /// Compares with what was kept, in the same time whatever differs.
    pub fn matches(&self, kept_sha256: &[u8]) -> bool {
        self.secret_sha256().ct_eq(kept_sha256).into()
    }

    /// The whole key, to be shown once.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

/// CRC-32 of all before it, in six digits of base 62.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes()) as usize;
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[rest % BASE62.len()];
        rest /= BASE62.len();
    }
    digits.into_iter().map(char::from).collect()
}

/// Bytes from 248 on are drawn again: modulo 62 they would favour the first digits.
fn push_random(text: &mut String, count: usize) -> Result<(), getrandom::Error> {
    const FAIR: u8 = 248;
    let mut pushed = 0;
    let mut bytes = Zeroizing::new([0_u8; 64]);
    while pushed < count {
        getrandom::fill(bytes.as_mut_slice())?;
        for byte in bytes.iter().filter(|byte| **byte < FAIR).take(count - pushed) {
            text.push(char::from(BASE62[usize::from(*byte) % BASE62.len()]));
            pushed += 1;
        }
    }
    Ok(())
}
