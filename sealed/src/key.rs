//! Keys and their names. A key never prints itself, never serializes, and is wiped from memory when it is dropped.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;
use zeroize::Zeroizing;

use crate::aead::NoRandomness;

/// 256 bits: AES-256 and HMAC-SHA-256 both take exactly this.
pub const KEY_BYTES: usize = 32;

/// A 256-bit symmetric key: a root's, a tenant's or a subject's.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey(Zeroizing<[u8; KEY_BYTES]>);

/// The name of a key, safe to write beside what the key protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Uuid);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is {KEY_BYTES} bytes, not {0}")]
pub struct WrongLength(pub usize);

impl DataKey {
    /// A fresh key from the operating system's randomness.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut key = Self::zero();
        getrandom::fill(&mut key.0[..]).map_err(|_| NoRandomness)?;
        Ok(key)
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WrongLength> {
        if bytes.len() != KEY_BYTES {
            return Err(WrongLength(bytes.len()));
        }
        let mut key = Self::zero();
        key.0.copy_from_slice(bytes);
        Ok(key)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0[..]
    }

    /// Filled in place, so that no copy of a key is left on the stack.
    fn zero() -> Self {
        Self(Zeroizing::new([0; KEY_BYTES]))
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(redacted)")
    }
}

impl KeyId {
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for KeyId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_generated_keys_differ() {
        assert_ne!(DataKey::generate().unwrap(), DataKey::generate().unwrap());
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        assert_eq!(DataKey::from_bytes(&[7; 31]), Err(WrongLength(31)));
        assert_eq!(DataKey::from_bytes(&[7; 33]), Err(WrongLength(33)));
    }

    #[test]
    fn a_key_never_prints_itself() {
        let shown = format!("{:?}", DataKey::from_bytes(&[0xab; 32]).unwrap());
        assert_eq!(shown, "DataKey(redacted)");
    }

    #[test]
    fn a_dropped_key_is_wiped() {
        // The type that holds the bytes wipes them on drop; this fails to compile when it no longer does.
        fn wipes_on_drop<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        wipes_on_drop(&DataKey::from_bytes(&[1; 32]).unwrap().0);
    }
}
