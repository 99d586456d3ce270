//! The operator's token: one long random text in a file, compared in constant time.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::env::Secret;

/// Shorter ones could be guessed; `openssl rand -base64 32` gives 44.
pub const OPERATOR_TOKEN_MIN_BYTES: usize = 32;

/// Only its hash is kept, so that neither length nor contents of the token leak through time or memory.
#[derive(Clone)]
pub struct OperatorToken {
    sha256: [u8; 32],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an operator token has at least {OPERATOR_TOKEN_MIN_BYTES} characters")]
pub struct OperatorTokenTooShort;

impl OperatorToken {
    pub fn new(secret: &Secret) -> Result<Self, OperatorTokenTooShort> {
        if secret.expose().len() < OPERATOR_TOKEN_MIN_BYTES {
            return Err(OperatorTokenTooShort);
        }
        Ok(Self { sha256: Sha256::digest(secret.expose()).into() })
    }

    pub fn matches(&self, presented: &str) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented).into();
        presented.ct_eq(&self.sha256).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_token_is_the_operators() {
        let token = "correct-horse-battery-staple-0123456789";
        let operator = OperatorToken::new(&Secret::new(format!("{token}\n"))).unwrap();
        assert!(operator.matches(token));
        assert!(!operator.matches(""));
        assert!(!operator.matches(&token[1..]));
        assert!(!operator.matches(&format!("{token}\n")));
    }

    #[test]
    fn a_short_token_is_refused_at_start() {
        assert!(OperatorToken::new(&Secret::new("admin".to_owned())).is_err());
    }
}
