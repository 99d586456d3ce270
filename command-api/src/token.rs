//! The secret part of a link. It is shown once and kept by nobody; what is kept proves it.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::error::Error;

const TOKEN_BYTES: usize = 32;

pub struct LinkToken(Zeroizing<String>);

impl LinkToken {
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0_u8; TOKEN_BYTES]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|error| Error::Keys(Box::new(error)))?;
        Ok(Self(Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice()))))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}
