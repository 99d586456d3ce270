//! Throws a generation away that queries do not read: its loops rest, then its tables go.

use std::time::Duration;

use tokio::time::sleep;

use super::Halt;
use super::claim::Claim;
use crate::apply::sql_state;
use crate::projector::Context;
use crate::registry::Target;

const RETIRING: &str = "retiring";
/// A query that began before a switch may still read the tables.
const TRIES_MAX: u32 = 40;
const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn retire(context: &Context, claim: &Claim) -> Result<String, Halt> {
    let target = claim.target()?;
    match super::state_of(context, target).await?.as_deref() {
        Some("filling" | "ready" | "standby") => {}
        Some("retired") => return Ok(format!("generation {} is retired", target.generation)),
        Some(state) => return Err(Halt::Refused(format!("generation {} is {state}", target.generation))),
        None => return Err(Halt::Refused(format!("there is no generation {}", target.generation))),
    }
    sqlx::query!(
        "UPDATE read.generations SET paused = true WHERE projection = $1 AND generation = $2 AND state <> 'live'",
        target.name(),
        target.generation
    )
    .execute(context.pools.shared())
    .await?;
    context.told.notify_one();
    for _ in 0..TRIES_MAX {
        claim.step(RETIRING, 0, 0).await?;
        match drop_tables(context, claim, target).await {
            Err(Halt::Machine(crate::failure::Failure::Database(error))) if is_in_use(&error) => sleep(PAUSE).await,
            Err(halt) => return Err(halt),
            Ok(()) => return Ok(format!("generation {} is retired", target.generation)),
        }
    }
    Err(Halt::Refused("its tables were in use all the time".to_owned()))
}

fn is_in_use(error: &sqlx::Error) -> bool {
    ["SQLSTATE 55P03", "SQLSTATE 40P01"].contains(&sql_state(error).as_str())
}

async fn drop_tables(context: &Context, claim: &Claim, target: Target) -> Result<(), Halt> {
    let mut transaction = context.pools.shared().begin().await?;
    sqlx::query!("SET LOCAL lock_timeout = '500ms'").execute(&mut *transaction).await?;
    claim.hold(&mut transaction).await?;
    sqlx::query!("SELECT read.retire_generation($1, $2)", target.name(), target.generation)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}
