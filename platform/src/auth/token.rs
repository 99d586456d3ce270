//! The access token of a session: a JWT signed with Ed25519, for at most ten minutes.
//!
//! It proves who logged in, never that the session still holds: that is asked of the store at every use.

mod keys;
#[cfg(test)]
mod tests;

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use keys::{KeyError, Signer, Verifier, generate_pem};

/// The longest life of an access token.
pub const TOKEN_MAX_SECONDS: u64 = 600;
/// How far two machines' clocks may be apart.
pub const LEEWAY_SECONDS: u64 = 5;
/// Far above what we sign; a longer one is not worth decoding.
const TOKEN_MAX_BYTES: usize = 2048;
const TYPE: &str = "at+jwt";
pub const ISSUER: &str = "securenet";
pub const AUDIENCE: &str = "securenet-api";

/// Exactly what is signed. A claim of another type or a missing one is another token than ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// The user.
    pub sub: Uuid,
    /// The organization.
    pub tid: Uuid,
    /// The session.
    pub sid: Uuid,
    pub jti: Uuid,
    pub exp: u64,
    pub nbf: u64,
    pub iat: u64,
    /// How the person proved who they are, `["pwd"]` for a password.
    pub amr: Vec<String>,
}

/// Whom a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    pub tenant: Uuid,
    pub user: Uuid,
    pub session: Uuid,
}

/// A token was not ours, not for us, or not for now. Why exactly is nothing a stranger needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the access token is not valid")]
pub struct InvalidToken;

impl Signer {
    /// Signs a token that holds from `now_seconds` (Unix) for `lifetime_seconds`, cut to the ten minutes allowed.
    pub fn sign(
        &self,
        holder: Holder,
        jti: Uuid,
        now_seconds: u64,
        lifetime_seconds: u64,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: holder.user,
            tid: holder.tenant,
            sid: holder.session,
            jti,
            exp: now_seconds + lifetime_seconds.min(TOKEN_MAX_SECONDS),
            nbf: now_seconds,
            iat: now_seconds,
            amr: vec!["pwd".to_owned()],
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.id.clone());
        encode(&header, &claims, &self.key)
    }
}

impl Verifier {
    pub fn verify(&self, token: &str) -> Result<Claims, InvalidToken> {
        if token.len() > TOKEN_MAX_BYTES {
            return Err(InvalidToken);
        }
        let header = decode_header(token).map_err(|_| InvalidToken)?;
        let typed = header.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE));
        if !typed || header.alg != Algorithm::EdDSA {
            return Err(InvalidToken);
        }
        let key = self.key(header.kid.as_deref().ok_or(InvalidToken)?).ok_or(InvalidToken)?;
        let claims: Claims = decode(token, key, &rules()).map_err(|_| InvalidToken)?.claims;
        // A life longer than we ever sign, or one that begins tomorrow, is a forgery by somebody with the key's copy.
        let life = claims.exp.checked_sub(claims.iat).ok_or(InvalidToken)?;
        let now = jsonwebtoken::get_current_timestamp();
        if life > TOKEN_MAX_SECONDS || claims.iat > now + LEEWAY_SECONDS {
            return Err(InvalidToken);
        }
        Ok(claims)
    }
}

fn rules() -> Validation {
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    rules.validate_exp = true;
    rules.validate_nbf = true; // false by default
    rules.leeway = LEEWAY_SECONDS;
    rules
}
