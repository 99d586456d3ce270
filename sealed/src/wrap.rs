//! Keys under keys: the root key wraps a tenant's keys, a tenant's key wraps its subjects'. A wrapped key is bound to
//! whose it is and to its name, so that a row moved to another tenant or person does not unwrap. Where wrapped keys
//! are stored, and for how long an unwrapped one may stay in memory, is never decided here.

use uuid::Uuid;

use crate::aead::{self, NONCE_BYTES, NoRandomness};
use crate::key::{DataKey, KeyId};

/// Whose a wrapped key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Wrapped by the root key.
    Tenant { tenant: Uuid },
    /// Wrapped by its tenant's key.
    Subject { tenant: Uuid, subject: Uuid },
}

/// The parent is another one, or the wrapped bytes are not what was wrapped for this holder under this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a wrapped key does not unwrap for this holder")]
pub struct CannotUnwrap;

/// Nonce, ciphertext and tag, to be stored as they are.
pub fn wrap(parent: &DataKey, holder: Holder, key_id: KeyId, key: &DataKey) -> Result<Vec<u8>, NoRandomness> {
    Ok(wrap_with(parent, holder, key_id, key, aead::random_nonce()?))
}

pub fn unwrap(parent: &DataKey, holder: Holder, key_id: KeyId, wrapped: &[u8]) -> Result<DataKey, CannotUnwrap> {
    let (nonce, ciphertext) = wrapped.split_first_chunk::<NONCE_BYTES>().ok_or(CannotUnwrap)?;
    let clear = aead::decrypt(parent, nonce, &bound_to(holder, key_id), ciphertext).map_err(|_| CannotUnwrap)?;
    DataKey::from_bytes(&zeroize::Zeroizing::new(clear)).map_err(|_| CannotUnwrap)
}

fn wrap_with(parent: &DataKey, holder: Holder, key_id: KeyId, key: &DataKey, nonce: aead::NonceBytes) -> Vec<u8> {
    let mut wrapped = nonce.to_vec();
    wrapped.extend(aead::encrypt(parent, &nonce, &bound_to(holder, key_id), key.bytes()));
    wrapped
}

/// Every part has a fixed length within its kind, so no two holders meet.
fn bound_to(holder: Holder, key: KeyId) -> Vec<u8> {
    match holder {
        Holder::Tenant { tenant } => format!("tenant|{tenant}|{key}"),
        Holder::Subject { tenant, subject } => format!("subject|{tenant}|{subject}|{key}"),
    }
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TENANT: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_000a);
    const SUBJECT: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_000b);
    const NAME: KeyId = KeyId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_000c));

    fn key(byte: u8) -> DataKey {
        DataKey::from_bytes(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_subject_key_is_reached_from_the_root() {
        let (root, tenant, subject) = (key(1), DataKey::generate().unwrap(), DataKey::generate().unwrap());
        let tenant_name = KeyId::new(Uuid::from_u128(7));
        let of_tenant = Holder::Tenant { tenant: TENANT };
        let of_subject = Holder::Subject { tenant: TENANT, subject: SUBJECT };
        let wrapped_tenant = wrap(&root, of_tenant, tenant_name, &tenant).unwrap();
        let wrapped_subject = wrap(&tenant, of_subject, NAME, &subject).unwrap();

        let unwrapped_tenant = unwrap(&root, of_tenant, tenant_name, &wrapped_tenant).unwrap();
        assert_eq!(unwrap(&unwrapped_tenant, of_subject, NAME, &wrapped_subject), Ok(subject));
    }

    #[test]
    fn a_wrapped_key_has_the_bytes_another_implementation_gives() {
        let holder = Holder::Subject { tenant: TENANT, subject: SUBJECT };
        let child = DataKey::from_bytes(&std::array::from_fn::<u8, 32, _>(|i| i as u8)).unwrap();
        let wrapped = wrap_with(&key(9), holder, NAME, &child, std::array::from_fn(|i| i as u8));
        let hex: String = wrapped.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "000102030405060708090a0bea5099c1384a2ce2975f2694dccecb3bc3649db189052ab367172aed5ad4e1c4f774e1711ccd9f85aadaa61eaabbef6c"
        );
    }

    #[test]
    fn a_wrapped_key_moved_to_another_holder_does_not_unwrap() {
        let holder = Holder::Subject { tenant: TENANT, subject: SUBJECT };
        let wrapped = wrap(&key(9), holder, NAME, &key(3)).unwrap();
        for moved in [
            Holder::Subject { tenant: TENANT, subject: TENANT },
            Holder::Subject { tenant: SUBJECT, subject: SUBJECT },
            Holder::Tenant { tenant: TENANT },
        ] {
            assert_eq!(unwrap(&key(9), moved, NAME, &wrapped), Err(CannotUnwrap));
        }
        assert_eq!(unwrap(&key(9), holder, KeyId::new(SUBJECT), &wrapped), Err(CannotUnwrap));
        assert_eq!(unwrap(&key(8), holder, NAME, &wrapped), Err(CannotUnwrap));
    }

    proptest! {
        #[test]
        fn bytes_that_were_never_wrapped_do_not_unwrap(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(unwrap(&key(9), Holder::Tenant { tenant: TENANT }, NAME, &bytes), Err(CannotUnwrap));
        }
    }
}
