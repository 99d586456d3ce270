//! What the two APIs share: how callers are recognized, and the key ring that opens personal data.

use platform::auth::token::Verifier;
use platform::auth::{Authenticator, OperatorToken};
use platform::env::{Env, Secret};
use platform::keyring::{Keyring, root_key};
use platform::postgres::Pool;

pub(crate) struct Identity {
    /// `SECURENET_ROOT_KEY`: 32 bytes as base64, above all keys of the key ring.
    root: Secret,
    /// `SECURENET_TOKEN_KEY`: keys that access tokens are verified with, as PEM; a private one holds its public one.
    verifier: Option<Verifier>,
    /// `SECURENET_OPERATOR_TOKEN`: what the operator shows.
    operator: Option<OperatorToken>,
}

impl Identity {
    pub(crate) fn from_env(env: &Env) -> Self {
        let root = env.secret("SECURENET_ROOT_KEY");
        let token_key = env.secret("SECURENET_TOKEN_KEY");
        let operator = env.secret("SECURENET_OPERATOR_TOKEN");
        env.check("SECURENET_ROOT_KEY", root_key(&root));
        Self {
            verifier: env.check("SECURENET_TOKEN_KEY", Verifier::from_pem(token_key.expose())),
            operator: env.check("SECURENET_OPERATOR_TOKEN", OperatorToken::new(&operator)),
            root,
        }
    }

    pub(crate) fn keyring(&self, pool: Pool) -> Keyring {
        Keyring::new(pool, root_key(&self.root).expect("the settings were checked"))
    }

    pub(crate) fn authenticator(&self, pool: Pool) -> Authenticator {
        let verifier = self.verifier.clone().expect("the settings were checked");
        Authenticator::new(pool, verifier, self.operator.clone())
    }
}
