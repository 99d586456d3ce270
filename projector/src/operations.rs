//! What operators decided about projections, carried out: rebuilds, switches, verifications, repairs, parked streams.
//!
//! One of the projectors claims an operation and acts; each step is a transaction that names the claim, so a process that
//! was stopped for long can do nothing any more, and whoever claims next goes on from the step that was reached. Short
//! operations do not wait for long ones. Nothing here decides: what cannot be done fails, and says why.

mod claim;
mod compare;
mod fold;
mod parked;
mod rebuild;
mod repair;
mod retire;
mod schedule;
mod switch;
mod verify;

use std::time::Duration;

use sqlx::PgPool;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::event::Fault;
use crate::failure::Failure;
use crate::projector::Context;
use crate::registry::{self, Target};

use claim::{Claim, Kind, Lane};

/// How often it is asked whether there is anything to do.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Why an operation does not go on.
#[derive(Debug)]
enum Halt {
    /// Somebody else carries it out now.
    Lost,
    /// It cannot be done; a sentence for the operator.
    Refused(String),
    /// The machine, not the operation: it goes on from its last step.
    Machine(Failure),
}

/// Until told to stop. What is under way then is given back, and goes on elsewhere or later.
pub(crate) async fn work(context: Context, stop: CancellationToken) {
    let all = async {
        tokio::join!(lane(&context, Lane::Short), lane(&context, Lane::Long), schedule::verify_now_and_then(&context),)
    };
    tokio::select! {
        _ = all => {}
        () = stop.cancelled() => {}
    }
    if let Err(error) = claim::give_back(context.pools.shared(), context.actor).await {
        tracing::warn!(%error, "operations could not be given back; others take them up when the claims have expired");
    }
}

async fn lane(context: &Context, lane: Lane) {
    let mut backoff = Backoff::default();
    loop {
        let pause = match look(context, lane).await {
            Ok(true) => Duration::ZERO,
            Ok(false) => {
                backoff.recovered("operations");
                LOOK_INTERVAL
            }
            Err(error) => backoff.failed(&error, "operations"),
        };
        sleep(pause).await;
    }
}

/// Whether there was something to do.
async fn look(context: &Context, lane: Lane) -> Result<bool, sqlx::Error> {
    if lane == Lane::Short {
        fold_again(context.pools.shared()).await?;
    }
    let Some(claim) = Claim::next(context.pools.shared(), lane, context.actor).await? else { return Ok(false) };
    tracing::info!(operation = %claim.id, projection = claim.projection, kind = ?claim.kind, step = claim.step, "an operation is taken up");
    carry_out(context, &claim).await;
    Ok(true)
}

async fn carry_out(context: &Context, claim: &Claim) {
    let mut backoff = Backoff::default();
    loop {
        let finished = match perform(context, claim).await {
            Ok(outcome) => claim.finish(true, &outcome).await,
            Err(Halt::Refused(why)) => claim.finish(false, &why).await,
            Err(halt) => Err(halt),
        };
        // Generations may have come, gone or changed their stage.
        context.told.notify_one();
        match finished {
            Ok(()) => return,
            Err(Halt::Lost) => {
                tracing::warn!(operation = %claim.id, "an operation is carried out by somebody else now");
                return;
            }
            Err(Halt::Refused(why)) => tracing::error!(operation = %claim.id, why, "an outcome cannot be refused"),
            Err(Halt::Machine(failure)) => sleep(backoff.failed(&failure, "an operation")).await,
        }
    }
}

async fn perform(context: &Context, claim: &Claim) -> Result<String, Halt> {
    match claim.kind {
        Kind::Rebuild => rebuild::rebuild(context, claim).await,
        Kind::Switch => switch::switch(context, claim, claim.target()?).await,
        Kind::Retire => retire::retire(context, claim).await,
        Kind::Verify => verify::verify(context, claim).await,
        Kind::Repair => repair::repair(context, claim).await,
        Kind::Retry => parked::retry(context, claim).await,
        Kind::Skip => parked::skip(context, claim).await,
    }
}

/// The internal projection alone cannot be rebuilt by an operation. It is folded again from the first decision where a
/// restore has taken its checkpoint back: what is known already stays as it is.
async fn fold_again(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE read.checkpoints c SET epoch = 1, seq = 0
         WHERE c.projection = 'operations' AND EXISTS (SELECT FROM store.log_epochs l
             WHERE l.partition = c.partition AND l.epoch > c.epoch AND l.first_seq <= c.seq)"
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The generation that queries read, if this program can fill it.
async fn live(context: &Context, projection: &str) -> Result<Target, Halt> {
    let row = sqlx::query!(
        "SELECT generation, apply_version FROM read.generations WHERE projection = $1 AND state = 'live'",
        projection
    )
    .fetch_optional(context.pools.shared())
    .await?;
    let row = row.ok_or_else(|| Halt::Refused("no generation is live".to_owned()))?;
    let known = registry::find(projection, row.apply_version);
    let projection = known.ok_or_else(|| Halt::Refused("the live generation is of another program".to_owned()))?;
    Ok(Target { projection, generation: row.generation })
}

/// What a generation is for now.
async fn state_of(context: &Context, target: Target) -> Result<Option<String>, Halt> {
    let row = sqlx::query!(
        "SELECT state FROM read.generations WHERE projection = $1 AND generation = $2",
        target.name(),
        target.generation
    )
    .fetch_optional(context.pools.shared())
    .await?;
    Ok(row.map(|row| row.state))
}

impl From<sqlx::Error> for Halt {
    fn from(error: sqlx::Error) -> Self {
        Self::Machine(Failure::Database(error))
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Machine(failure)
    }
}

impl std::fmt::Display for Halt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost => f.write_str("the claim is lost"),
            Self::Refused(why) => f.write_str(why),
            Self::Machine(failure) => f.write_str(&Fault::of(failure).0),
        }
    }
}
