//! A new generation beside the live one: made, filled by the loops like any other, indexed when it is nearly there, and
//! ready when it has caught up again. Each step can be begun again after a crash.

use std::time::Duration;

use tokio::time::sleep;

use super::claim::Claim;
use super::{Halt, switch};
use crate::projector::Context;
use crate::registry::Target;

/// With no more than this to do, indexes are built, and after that a generation is ready.
const NEARLY_THERE_EVENTS: i64 = 1_000;
/// How often progress is noted.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

pub(super) const FILLING: &str = "filling";
pub(super) const INDEXING: &str = "indexing";
const CATCHING_UP: &str = "catching up";

struct Found {
    state: String,
    indexed: bool,
}

pub(super) async fn rebuild(context: &Context, claim: &Claim) -> Result<String, Halt> {
    let target = claim.target()?;
    make(context, claim, target).await?;
    loop {
        let found = look(context, target).await?;
        match (found.state.as_str(), found.indexed) {
            ("filling", false) => {
                // Whoever ended while it made the indexes left the loops at rest.
                rouse(context, claim, target).await?;
                nearly_there(context, claim, target, FILLING).await?;
                index(context, claim, target).await?;
            }
            ("filling", true) => {
                go_on(context, claim, target).await?;
                nearly_there(context, claim, target, CATCHING_UP).await?;
                be_ready(context, claim, target).await?;
            }
            ("ready", _) if claim.switch_after => return switch::switch(context, claim, target).await,
            ("ready" | "live" | "standby", _) => {
                return Ok(format!("generation {} is {}", target.generation, found.state));
            }
            (state, _) => return Err(Halt::Refused(format!("generation {} is {state}", target.generation))),
        }
    }
}

async fn make(context: &Context, claim: &Claim, target: Target) -> Result<(), Halt> {
    let mut transaction = context.pools.shared().begin().await?;
    claim.hold(&mut transaction).await?;
    sqlx::query!(
        "SELECT read.create_generation($1, $2, $3, 'filling')
         WHERE NOT EXISTS (SELECT FROM read.generations WHERE projection = $1 AND generation = $2)",
        target.name(),
        target.generation,
        target.projection.apply_version
    )
    .fetch_optional(&mut *transaction)
    .await?;
    transaction.commit().await?;
    context.told.notify_one();
    Ok(())
}

async fn look(context: &Context, target: Target) -> Result<Found, Halt> {
    let row = sqlx::query!(
        r#"SELECT state, apply_version, indexed_at IS NOT NULL AS "indexed!" FROM read.generations
           WHERE projection = $1 AND generation = $2"#,
        target.name(),
        target.generation
    )
    .fetch_one(context.pools.shared())
    .await?;
    if row.apply_version != target.projection.apply_version {
        return Err(Halt::Refused(format!("generation {} is of another program", target.generation)));
    }
    Ok(Found { state: row.state, indexed: row.indexed })
}

/// Waits for the loops.
async fn nearly_there(context: &Context, claim: &Claim, target: Target, step: &str) -> Result<(), Halt> {
    loop {
        let row = sqlx::query!(
            r#"SELECT coalesce(sum(least(c.seq, h.seq)), 0)::bigint AS "done!", coalesce(sum(h.seq), 0)::bigint AS "total!", count(*) AS "partitions!"
               FROM read.checkpoints c JOIN store.partition_head h ON h.partition = c.partition
               WHERE c.projection = $1 AND c.generation = $2"#,
            target.name(),
            target.generation
        )
        .fetch_one(context.pools.shared())
        .await?;
        claim.step(step, row.done, row.total).await?;
        if row.partitions == 0 {
            return Err(Halt::Refused(format!("generation {} was retired meanwhile", target.generation)));
        }
        if row.total - row.done <= NEARLY_THERE_EVENTS {
            return Ok(());
        }
        sleep(PROGRESS_INTERVAL).await;
    }
}

/// The loops rest meanwhile: an index is built behind a lock that they would wait for in vain.
async fn index(context: &Context, claim: &Claim, target: Target) -> Result<(), Halt> {
    claim.step(INDEXING, 0, 0).await?;
    rest(context, claim, target).await?;
    let mut transaction = context.pools.shared().begin().await?;
    claim.hold(&mut transaction).await?;
    sqlx::query!("SET LOCAL statement_timeout = 0").execute(&mut *transaction).await?;
    sqlx::query!("SELECT read.index_generation($1, $2)", target.name(), target.generation)
        .fetch_one(&mut *transaction)
        .await?;
    claim.hold(&mut transaction).await?;
    transaction.commit().await?;
    Ok(())
}

async fn go_on(context: &Context, claim: &Claim, target: Target) -> Result<(), Halt> {
    let mut transaction = context.pools.shared().begin().await?;
    claim.hold(&mut transaction).await?;
    sqlx::query!("SET LOCAL statement_timeout = 0").execute(&mut *transaction).await?;
    sqlx::query!("SELECT read.analyze_generation($1, $2)", target.name(), target.generation)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    rouse(context, claim, target).await
}

/// Under the claim, so that nobody who lost it lets a generation rest that is live by now.
async fn rest(context: &Context, claim: &Claim, target: Target) -> Result<(), Halt> {
    let mut transaction = context.pools.shared().begin().await?;
    claim.hold(&mut transaction).await?;
    sqlx::query!(
        "UPDATE read.generations SET paused = true WHERE projection = $1 AND generation = $2",
        target.name(),
        target.generation
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    context.told.notify_one();
    Ok(())
}

/// The loops go on, unless an operator wants them to rest.
async fn rouse(context: &Context, claim: &Claim, target: Target) -> Result<(), Halt> {
    let mut transaction = context.pools.shared().begin().await?;
    claim.hold(&mut transaction).await?;
    sqlx::query!(
        "UPDATE read.generations SET paused = read.is_to_rest($1, $2) WHERE projection = $1 AND generation = $2",
        target.name(),
        target.generation
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    context.told.notify_one();
    Ok(())
}

async fn be_ready(context: &Context, claim: &Claim, target: Target) -> Result<(), Halt> {
    let mut transaction = context.pools.shared().begin().await?;
    claim.hold(&mut transaction).await?;
    sqlx::query!(
        "UPDATE read.generations SET state = 'ready' WHERE projection = $1 AND generation = $2 AND state = 'filling'",
        target.name(),
        target.generation
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    context.told.notify_one();
    Ok(())
}
