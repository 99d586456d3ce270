//! The Ed25519 keys behind access tokens, from PEM.
//!
//! Who logs people in holds the private key; everybody else gets the public ones. Several may be given one after the
//! other in the same text, so that a key can be replaced while tokens of the old one still run out.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const PRIVATE_LABEL: &str = "PRIVATE KEY";
const PUBLIC_LABEL: &str = "PUBLIC KEY";
const PUBLIC_KEY_BYTES: usize = 32;
/// What stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The bytes of the key's hash that name it in a token's header.
const KEY_ID_BYTES: usize = 8;
const PEM_LINE_CHARS: usize = 64;

/// A key's bytes, wiped when dropped.
type Der = Zeroizing<Vec<u8>>;

/// Signs access tokens.
pub struct Signer {
    pub(super) id: String,
    pub(super) key: EncodingKey,
}

/// Checks access tokens.
#[derive(Clone)]
pub struct Verifier {
    keys: Vec<(String, DecodingKey)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("it holds no PEM block")]
    NoBlock,
    #[error("a PEM block is neither an Ed25519 private key (PKCS#8) nor a public one")]
    NotEd25519,
}

impl Signer {
    /// From the first private key of a PEM text.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let der = blocks(pem)?
            .into_iter()
            .find_map(|(label, der)| (label == PRIVATE_LABEL).then_some(der))
            .ok_or(KeyError::NoBlock)?;
        let public = public_of(PRIVATE_LABEL, &der)?;
        Ok(Self { id: key_id(&public), key: EncodingKey::from_ed_der(&der) })
    }
}

impl Verifier {
    /// From every key of a PEM text; a private one counts for its public half.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let keys = blocks(pem)?
            .iter()
            .map(|(label, der)| {
                let public = public_of(label, der)?;
                Ok((key_id(&public), DecodingKey::from_ed_der(&public)))
            })
            .collect::<Result<Vec<_>, KeyError>>()?;
        Ok(Self { keys })
    }

    pub(super) fn key(&self, id: &str) -> Option<&DecodingKey> {
        self.keys.iter().find_map(|(known, key)| (known == id).then_some(key))
    }
}

/// A fresh key: its private PEM and the public one beside it.
pub fn generate_pem() -> Result<(Zeroizing<String>, String), KeyError> {
    let der = Ed25519KeyPair::generate().and_then(|pair| {
        use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
        let der: Pkcs8V1Der<'_> = pair.as_der()?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    });
    let der = der.map_err(|_| KeyError::NotEd25519)?;
    let public = public_of(PRIVATE_LABEL, &der)?;
    let spki = [SPKI_PREFIX.as_slice(), &public].concat();
    Ok((Zeroizing::new(pem(PRIVATE_LABEL, &der)), pem(PUBLIC_LABEL, &spki)))
}

fn public_of(label: &str, der: &[u8]) -> Result<[u8; PUBLIC_KEY_BYTES], KeyError> {
    let bytes = match label {
        PRIVATE_LABEL => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| KeyError::NotEd25519)?;
            pair.public_key().as_ref().to_vec()
        }
        PUBLIC_LABEL => der.strip_prefix(&SPKI_PREFIX).ok_or(KeyError::NotEd25519)?.to_vec(),
        _ => return Err(KeyError::NotEd25519),
    };
    bytes.try_into().map_err(|_| KeyError::NotEd25519)
}

fn key_id(public: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(public)[..KEY_ID_BYTES])
}

/// Label and bytes of each block. Text between blocks is a comment.
fn blocks(pem: &str) -> Result<Vec<(String, Der)>, KeyError> {
    let mut found = Vec::new();
    let mut rest = pem;
    while let Some((label, body, after)) = next_block(rest) {
        let text: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
        let der = STANDARD.decode(text.as_bytes()).map_err(|_| KeyError::NotEd25519)?;
        found.push((label.to_owned(), Zeroizing::new(der)));
        rest = after;
    }
    if found.is_empty() { Err(KeyError::NoBlock) } else { Ok(found) }
}

fn next_block(text: &str) -> Option<(&str, &str, &str)> {
    let (_, after_begin) = text.split_once("-----BEGIN ")?;
    let (label, after_label) = after_begin.split_once("-----")?;
    let (body, after_body) = after_label.split_once("-----END ")?;
    let (_, after) = after_body.split_once("-----")?;
    Some((label, body, after))
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(PEM_LINE_CHARS) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
