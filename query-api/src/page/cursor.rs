//! Cursors: where a page ended, signed so that nobody can ask for what the list would not have given.
//!
//! A cursor is `base64url(payload ‖ tag)`. The tag also covers the query's identity, so that a cursor of another
//! tenant, route, filter or order is refused exactly as a forged one is. A cursor holds sort keys and ids, no
//! personal data, and never expires: it is only a place in an order.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, de::DeserializeOwned};
use sha2::Sha256;
use uuid::Uuid;

/// The longest cursor that is looked at.
const CURSOR_MAX_BYTES: usize = 512;
/// Half an HMAC-SHA-256 is beyond guessing, and keeps the address short.
const TAG_BYTES: usize = 16;

/// The key all processes of a deployment sign cursors with.
#[derive(Clone)]
pub struct CursorKey(Hmac<Sha256>);

/// What a cursor is good for. Two queries with the same identity list the same rows in the same order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QueryIdentity(Vec<u8>);

impl QueryIdentity {
    /// `query` holds the filters and the order in a canonical form; the limit may differ from page to page.
    pub fn new(tenant: Uuid, route: &str, query: &impl fmt::Debug) -> Self {
        let mut bytes = tenant.as_bytes().to_vec();
        bytes.extend_from_slice(format!("{route}\0{query:?}\0").as_bytes());
        Self(bytes)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl CursorKey {
    pub fn new(secret: &[u8]) -> Self {
        let mac = Hmac::new_from_slice(secret).expect("HMAC takes a key of any length");
        Self(mac.chain_update(b"securenet cursor v1\0"))
    }

    pub fn sign(&self, identity: &QueryIdentity, content: &impl Serialize) -> String {
        let mut bytes = serde_json::to_vec(content).expect("sort keys are numbers, texts and ids");
        let tag = self.tag(identity, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&tag[..TAG_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Nothing when the cursor was not signed by this key for this query.
    pub fn open<C: DeserializeOwned>(&self, identity: &QueryIdentity, text: &str) -> Option<C> {
        if text.len() > CURSOR_MAX_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (payload, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_BYTES)?)?;
        self.tag(identity, payload).verify_truncated_left(tag).ok()?;
        serde_json::from_slice(payload).ok()
    }

    fn tag(&self, identity: &QueryIdentity, payload: &[u8]) -> Hmac<Sha256> {
        let length = (identity.0.len() as u64).to_be_bytes();
        self.0.clone().chain_update(length).chain_update(&identity.0).chain_update(payload)
    }
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: Uuid = Uuid::from_u128(7);

    fn identity(filters: &str) -> QueryIdentity {
        QueryIdentity::new(TENANT, "/v1/findings", &filters)
    }

    #[test]
    fn a_cursor_opens_for_the_query_it_was_signed_for() {
        let key = CursorKey::new(b"secret");
        let text = key.sign(&identity("severity=high"), &(5_i16, TENANT));
        assert_eq!(key.open(&identity("severity=high"), &text), Some((5_i16, TENANT)));
    }

    #[test]
    fn a_cursor_opens_for_no_other_tenant_route_filter_or_key() {
        let key = CursorKey::new(b"secret");
        let text = key.sign(&identity("severity=high"), &1_i64);
        let others = [
            identity("severity=low"),
            QueryIdentity::new(Uuid::from_u128(8), "/v1/findings", &"severity=high"),
            QueryIdentity::new(TENANT, "/v1/devices", &"severity=high"),
        ];
        for other in others {
            assert_eq!(key.open::<i64>(&other, &text), None, "{other:?}");
        }
        assert_eq!(CursorKey::new(b"other").open::<i64>(&identity("severity=high"), &text), None);
    }

    #[test]
    fn a_cursor_with_any_byte_changed_does_not_open() {
        let key = CursorKey::new(b"secret");
        let text = key.sign(&identity(""), &(1_i64, TENANT));
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert_eq!(key.open::<(i64, Uuid)>(&identity(""), &URL_SAFE_NO_PAD.encode(changed)), None, "byte {place}");
        }
    }

    #[test]
    fn texts_that_are_no_cursor_do_not_open() {
        let key = CursorKey::new(b"secret");
        for text in ["", "AAAA", "not base64!", &"A".repeat(600)] {
            assert_eq!(key.open::<i64>(&identity(""), text), None, "{text}");
        }
    }
}
