use std::collections::HashSet;

use super::*;

#[test]
fn a_key_reads_back_as_written() {
    let key = ApiKey::generate().unwrap();
    let read = ApiKey::parse(key.expose()).unwrap();
    assert_eq!(read.public_id(), key.public_id());
    assert!(read.matches(&key.secret_sha256()));
    assert_eq!((key.expose().len(), key.public_id().len()), (55, 12));
}

#[test]
fn no_two_keys_are_the_same_and_every_digit_occurs() {
    let keys: Vec<String> = (0..200).map(|_| ApiKey::generate().unwrap().expose().to_owned()).collect();
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    let digits: HashSet<u8> = keys.iter().flat_map(|key| key.bytes().skip(4)).collect();
    assert_eq!(digits.len(), BASE62.len() + 1); // and the underscore
}

#[test]
fn a_single_wrong_character_anywhere_is_noticed_without_a_look_up() {
    let key = ApiKey::generate().unwrap();
    for at in 0..key.expose().len() {
        let mut bytes = key.expose().as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
        assert!(ApiKey::parse(std::str::from_utf8(&bytes).unwrap()).is_err(), "position {at}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let key = ApiKey::generate().unwrap().expose().to_owned();
    for text in ["", "snk_", &key[1..], &key[..54], &format!("{key}0"), &key.replace('_', "-"), &"é".repeat(28)] {
        assert!(ApiKey::parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_checksum_is_the_one_that_others_compute() {
    // Python: zlib.crc32(b"snk_000000000000_00000000000000000000000000000000") in six digits of base 62.
    let body = "snk_000000000000_00000000000000000000000000000000";
    let mut rest = crc32fast::hash(body.as_bytes());
    assert_eq!(rest, CHECKED_BY_PYTHON);
    let mut digits = String::new();
    for _ in 0..6 {
        digits.insert(0, char::from(BASE62[rest as usize % 62]));
        rest /= 62;
    }
    assert!(ApiKey::parse(&format!("{body}{digits}")).is_ok());
}

const CHECKED_BY_PYTHON: u32 = 0xA953_9C4D;

#[test]
fn another_secret_does_not_match() {
    let (one, other) = (ApiKey::generate().unwrap(), ApiKey::generate().unwrap());
    assert!(!one.matches(&other.secret_sha256()));
    assert!(!one.matches(&[]));
}
