//! What the handlers share, and how they are mounted. It opens no socket and reads no environment: the wiring does.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use platform::auth::token::Signer;
use platform::keyring::Keyring;
use platform::postgres::Pool;

use crate::accounts::Accounts;
use crate::appender::Appender;
use crate::denials::Denials;
use crate::error::Error;
use crate::event_store::EventStore;
use crate::handle::Handler;
use crate::idempotency::Fingerprints;
use crate::passwords::Passwords;
use crate::scans::Room;
use crate::{keys, routes};

/// Everything a handler may need. Cheap to clone; the clones share everything.
#[derive(Clone)]
pub struct Services {
    pub handler: Handler,
    pub accounts: Accounts,
    pub passwords: Passwords,
    pub denials: Denials,
    pub imports: Room,
    pub fingerprints: Fingerprints,
    pub signer: Arc<Signer>,
    pub session_life: Duration,
}

impl Services {
    /// `pool` belongs to `writer`. Asks for the deployment's keys, so Postgres must be there.
    pub async fn open(
        pool: impl Into<Pool>,
        appender: Appender,
        keys: Keyring,
        signer: Arc<Signer>,
        session_life: Duration,
    ) -> Result<Self, Error> {
        let pool = pool.into();
        let store = EventStore::open(pool.clone()).await?;
        let secret = keys::fingerprint_secret(&keys).await?;
        let handler = Handler { store, appender, keys };
        Ok(Self {
            accounts: Accounts::new(pool),
            passwords: Passwords::new()?,
            denials: Denials::new(handler.clone()),
            imports: Room::default(),
            fingerprints: Fingerprints::new(secret),
            handler,
            signer,
            session_life,
        })
    }
}

/// Mounts every command under `/v1`. Each resource takes what is neither GET nor HEAD, so that query-api can hold the
/// same paths beside it. The app also needs `Data<Authenticator>` and the request-id middleware of platform.
pub fn configure(services: Services) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config.app_data(Data::new(services));
        routes::mount(config);
    }
}
