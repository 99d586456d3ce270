//! The written form of a sealed field: `{"$enc":1,"k":key id,"n":nonce,"c":ciphertext and tag}`, bytes in base64url
//! without padding. Reading it needs no key; it never says anything about the plaintext but its length.

use std::borrow::Cow;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::aead::{NONCE_BYTES, NonceBytes, TAG_BYTES};
use crate::key::KeyId;

/// The format of [`Field`]: AES-256-GCM, bound to tenant, event, path and key.
const FORMAT: u8 = 1;

/// One personal value, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    pub(crate) key: KeyId,
    pub(crate) nonce: NonceBytes,
    pub(crate) ciphertext: Vec<u8>,
}

impl Field {
    /// The key that opens this field, if it still exists.
    pub const fn key_id(&self) -> KeyId {
        self.key
    }
}

#[derive(Serialize, Deserialize)]
struct Written<'a> {
    #[serde(rename = "$enc")]
    format: u8,
    #[serde(borrow)]
    k: Cow<'a, str>,
    #[serde(borrow)]
    n: Cow<'a, str>,
    #[serde(borrow)]
    c: Cow<'a, str>,
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written {
            format: FORMAT,
            k: self.key.to_string().into(),
            n: BASE64_URL_SAFE_NO_PAD.encode(self.nonce).into(),
            c: BASE64_URL_SAFE_NO_PAD.encode(&self.ciphertext).into(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        if written.format != FORMAT {
            return Err(de::Error::custom(format_args!("sealed field of unknown format {}", written.format)));
        }
        let ciphertext = bytes(&written.c)?;
        if ciphertext.len() < TAG_BYTES {
            return Err(de::Error::custom("sealed field shorter than its tag"));
        }
        Ok(Self {
            key: KeyId::from_str(&written.k).map_err(|_| de::Error::custom("sealed field without a key id"))?,
            nonce: bytes(&written.n)?
                .try_into()
                .map_err(|_| de::Error::custom(format_args!("the nonce of a sealed field is {NONCE_BYTES} bytes")))?,
            ciphertext,
        })
    }
}

fn bytes<E: de::Error>(text: &str) -> Result<Vec<u8>, E> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| E::custom("sealed field is not base64url without padding"))
}

impl JsonSchema for Field {
    fn schema_name() -> Cow<'static, str> {
        "SealedField".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "sealed::Field".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "A personal value under a person's key; unreadable once that key is destroyed.",
            "properties": {
                "$enc": {"const": FORMAT},
                "k": {"type": "string", "format": "uuid"},
                "n": {"type": "string", "pattern": "^[A-Za-z0-9_-]{16}$"},
                "c": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22,}$"}
            },
            "required": ["$enc", "k", "n", "c"]
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_written_form_is_for_ever() {
        let field = Field {
            key: KeyId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001)),
            nonce: [0xfb; NONCE_BYTES],
            ciphertext: vec![0xff; 17],
        };
        let text = r#"{"$enc":1,"k":"01900000-0000-7000-8000-000000000001","n":"-_v7-_v7-_v7-_v7","c":"______________________8"}"#;
        assert_eq!(serde_json::to_string(&field).unwrap(), text);
        assert_eq!(serde_json::from_str::<Field>(text).unwrap(), field);
    }

    #[test]
    fn a_malformed_field_is_refused_with_its_fault() {
        let faults = [
            (
                r#"{"$enc":2,"k":"01900000-0000-7000-8000-000000000001","n":"-_v7-_v7-_v7-_v7","c":"______________________8"}"#,
                "unknown format 2",
            ),
            (r#"{"$enc":1,"k":"x","n":"-_v7-_v7-_v7-_v7","c":"______________________8"}"#, "without a key id"),
            (
                r#"{"$enc":1,"k":"01900000-0000-7000-8000-000000000001","n":"-_v7","c":"______________________8"}"#,
                "12 bytes",
            ),
            (
                r#"{"$enc":1,"k":"01900000-0000-7000-8000-000000000001","n":"-_v7-_v7-_v7-_v7","c":"__8"}"#,
                "shorter than its tag",
            ),
            (
                r#"{"$enc":1,"k":"01900000-0000-7000-8000-000000000001","n":"-_v7-_v7-_v7-_v7","c":"+/+/"}"#,
                "not base64url",
            ),
            (r#""ana@example.org""#, "invalid type"),
        ];
        for (text, fault) in faults {
            let error = serde_json::from_str::<Field>(text).unwrap_err().to_string();
            assert!(error.contains(fault), "{text} was answered {error}");
        }
    }

    proptest! {
        #[test]
        fn every_field_reads_back_as_it_was_written(key: u128, nonce: NonceBytes, ciphertext in prop::collection::vec(any::<u8>(), 16..200)) {
            let field = Field { key: KeyId::new(Uuid::from_u128(key)), nonce, ciphertext };
            let text = serde_json::to_string(&field).unwrap();
            prop_assert_eq!(serde_json::from_str::<Field>(&text).unwrap(), field.clone());
            let value = serde_json::to_value(&field).unwrap();
            prop_assert_eq!(serde_json::from_value::<Field>(value).unwrap(), field);
        }
    }
}
