//! What happens because time passes: acceptances lapse, sessions and keys expire, aggregates of the flood rule are
//! written, rows that no event names are swept. Each second, in one process of all (a lease); it decides nothing itself,
//! it sends the same commands anybody could, so one that comes late or twice does no harm.

use std::time::Duration;

use domain::api_key::{self, ApiKey};
use domain::finding::{self, Finding};
use domain::session::{self, Session};
use domain::user::{Entry, User};
use domain::vocabulary::{CredentialId, StreamKind};
use event_schemas::Actor;
use futures_util::{StreamExt, stream};
use platform::problem::chain;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::event_store::Due;
use crate::handle::{Aggregate, Done, Order, Start};
use crate::idempotency;
use crate::lease::Lease;
use crate::origin::Origin;
use crate::server::Services;

const TICK: Duration = Duration::from_secs(1);
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Enough to fill the appender's batches, few enough to leave room for people.
const DUE_IN_FLIGHT: usize = 32;
const SUSPECTS_MAX: i64 = 100;
/// How long a first answer is kept at least.
const COMMAND_KEYS_KEPT_HOURS: i32 = 24;

/// Runs until `stop`, then writes what was only counted so far and lets another process begin.
pub async fn run(services: Services, stop: CancellationToken) {
    let lease = Lease::new(services.handler.store.pool().clone(), "timer");
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut swept: Option<Instant> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
        }
        services.denials.flush_due(services.handler.now());
        match lease.hold().await {
            Ok(Some(_)) => {
                report(act(&services).await.map(drop));
                if swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) {
                    report(sweep(&services).await);
                    swept = Some(Instant::now());
                }
            }
            Ok(None) => {}
            Err(error) => report(Err(error.into())),
        }
    }
    services.denials.drain().await;
    report(lease.release().await.map_err(Error::from));
}

/// Sends every stream whose time is up its command, and answers how many followed it.
pub async fn act(services: &Services) -> Result<usize, Error> {
    let now = services.handler.now();
    let origin = Origin::of_process(Actor::Timer);
    let mut followed = 0;
    let mut last = None;
    loop {
        let due = services.handler.store.due(now, last.as_ref()).await?;
        last = due.last().cloned();
        let outcomes = stream::iter(due).map(|due| expire(services, due, &origin)).buffer_unordered(DUE_IN_FLIGHT);
        let mut outcomes = std::pin::pin!(outcomes);
        while let Some(outcome) = outcomes.next().await {
            match outcome {
                Ok(_) => followed += 1,
                Err(error) => report(Err(error)),
            }
        }
        if last.is_none() {
            return Ok(followed);
        }
    }
}

async fn expire(services: &Services, due: Due, origin: &Origin) -> Result<Option<Done>, Error> {
    let kind = StreamKind::parse(&due.kind).map_err(|invalid| Error::Damaged(invalid.detail.into()))?;
    match kind {
        StreamKind::Session => send::<Session>(services, due, session::Command::Expire, origin).await,
        StreamKind::ApiKey => send::<ApiKey>(services, due, api_key::Command::Expire, origin).await,
        StreamKind::Finding => send::<Finding>(services, due, finding::Command::LapseAcceptance, origin).await,
        StreamKind::Organization
        | StreamKind::User
        | StreamKind::Access
        | StreamKind::Device
        | StreamKind::Scan
        | StreamKind::Projection => Ok(None),
    }
}

async fn send<D: Aggregate>(
    services: &Services,
    due: Due,
    command: D::Command,
    origin: &Origin,
) -> Result<Option<Done>, Error> {
    let Due { tenant, stream, .. } = due;
    let order: Order<'_, D> =
        Order { tenant, stream, command, start: Start::Known, version: None, key: None, extra: None, origin };
    services.handler.execute(order).await.map(Some)
}

pub async fn sweep(services: &Services) -> Result<(), Error> {
    services.accounts.sweep().await?;
    for suspect in services.accounts.suspects(SUSPECTS_MAX).await? {
        let user = services.handler.load::<User>(suspect.tenant, suspect.user.into()).await?;
        if credential_of(&user.state) != Some(suspect.credential) {
            services.accounts.forget_credential(suspect.credential).await?;
        }
    }
    idempotency::rotate(&services.handler.store, COMMAND_KEYS_KEPT_HOURS).await?;
    Ok(())
}

/// A disabled user keeps what they had: enabling gives it back.
fn credential_of(user: &User) -> Option<CredentialId> {
    match user {
        User::Active { credential, .. } | User::Disabled { entry: Entry::Accepted(credential), .. } => {
            Some(*credential)
        }
        User::Uninvited | User::Invited { .. } | User::Disabled { entry: Entry::Invited(_), .. } => None,
    }
}

fn report(outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        tracing::warn!(error = %chain(&error), "the timer could not do its work; it tries again in a second");
    }
}
