//! A search key for personal data: equal values give equal text, and without the tenant's key nobody can try values.
//! It is for mutable rows only (reservations, look-ups), which are dropped when a person is erased; never for events.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::key::DataKey;

/// Keeps the index key apart from the wrapping key, which may be the same tenant key.
const PURPOSE: &[u8] = b"securenet.blind-index.v1";

/// Lower-case hex HMAC-SHA-256 of a value that its caller has normalized: what is not equal text is not found.
pub fn blind_index(tenant_key: &DataKey, normalized: &str) -> String {
    let index_key = hmac(tenant_key.bytes(), PURPOSE);
    hmac(&index_key[..], normalized.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hmac(key: &[u8], message: &[u8]) -> zeroize::Zeroizing<[u8; 32]> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    zeroize::Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_what_another_implementation_gives() {
        let key = DataKey::from_bytes(&std::array::from_fn::<u8, 32, _>(|i| i as u8)).unwrap();
        assert_eq!(
            blind_index(&key, "ana@example.org"),
            "2fc518e835760c119fe27538fbbda9c510f1776cc8ce57532937d86ffc08fe43"
        );
    }

    #[test]
    fn two_tenants_index_one_name_differently() {
        let [a, b] = [1, 2].map(|byte| DataKey::from_bytes(&[byte; 32]).unwrap());
        assert_ne!(blind_index(&a, "ana"), blind_index(&b, "ana"));
    }
}
