use proptest::prelude::*;

use super::*;

const TENANT: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_000a);
const EVENT: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_000b);
const NAME: KeyId = KeyId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_000c));
const PLACE: Place<'static> = Place { tenant: TENANT, event_id: EVENT, path: "/body/email" };

fn key(byte: u8) -> DataKey {
    DataKey::from_bytes(&[byte; 32]).unwrap()
}

#[test]
fn a_field_has_the_bytes_another_implementation_gives() {
    let key = DataKey::from_bytes(&std::array::from_fn::<u8, 32, _>(|i| i as u8)).unwrap();
    let field = seal_with(&key, NAME, PLACE, "ana@example.org", std::array::from_fn(|i| i as u8));
    let written = serde_json::to_value(&field).unwrap();
    assert_eq!(written["n"], "AAECAwQFBgcICQoL");
    assert_eq!(written["c"], "Jmy3W6Cdo3b9LfKl3psf-Da8a3WgoqGhGW9MAOtn6g");
}

#[test]
fn a_destroyed_key_reads_as_erased() {
    let field = seal(&key(1), NAME, PLACE, "ana@example.org").unwrap();
    assert_eq!(open(&field, PLACE, None), Ok(Opened::Erased));
}

#[test]
fn a_field_moved_to_another_place_does_not_open() {
    let field = seal(&key(1), NAME, PLACE, "ana@example.org").unwrap();
    for moved in
        [Place { tenant: EVENT, ..PLACE }, Place { event_id: TENANT, ..PLACE }, Place { path: "/body/login", ..PLACE }]
    {
        assert_eq!(open(&field, moved, Some(&key(1))), Err(Tampered));
    }
}

#[test]
fn a_field_that_names_another_key_does_not_open() {
    let sealed = seal(&key(1), NAME, PLACE, "ana@example.org").unwrap();
    let renamed = Field { key: KeyId::new(TENANT), ..sealed };
    assert_eq!(open(&renamed, PLACE, Some(&key(1))), Err(Tampered));
}

#[test]
fn the_same_value_sealed_twice_looks_different() {
    let [a, b] = [(); 2].map(|()| seal(&key(1), NAME, PLACE, "ana@example.org").unwrap());
    assert_ne!(a, b);
}

proptest! {
    #[test]
    fn whatever_is_sealed_opens_again(plaintext in ".*", secret: [u8; 32], path in "/[a-z/|]{0,20}") {
        let key = DataKey::from_bytes(&secret).unwrap();
        let place = Place { path: &path, ..PLACE };
        let field = seal(&key, NAME, place, &plaintext).unwrap();
        prop_assert_eq!(open(&field, place, Some(&key)), Ok(Opened::Clear(plaintext)));
    }

    #[test]
    fn one_changed_bit_is_noticed(plaintext in ".{0,40}", at: prop::sample::Index, bit in 0..8u8) {
        let mut field = seal(&key(1), NAME, PLACE, &plaintext).unwrap();
        let at = at.index(field.ciphertext.len());
        field.ciphertext[at] ^= 1 << bit;
        prop_assert_eq!(open(&field, PLACE, Some(&key(1))), Err(Tampered));
    }
}
