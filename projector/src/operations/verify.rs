//! Folds partitions of the log again and compares them with the live generation, which goes on meanwhile: a snapshot of it
//! holds still while the fold gets to the very position that the snapshot shows.

use sqlx::{Postgres, Transaction};

use super::claim::Claim;
use super::compare::{Difference, compare};
use super::fold::{Fold, Tally};
use super::{Halt, live};
use crate::projector::Context;
use crate::registry::Target;

/// A partition that differs is folded once more before it is said: a stream may have been retried or an event skipped
/// while it was compared.
const TRIES_MAX: u32 = 2;
/// Few of them tell as much as all.
const DIFFERENCES_SHOWN_MAX: usize = 4;

const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; \
                        SET LOCAL idle_in_transaction_session_timeout = 0";

pub(super) async fn verify(context: &Context, claim: &Claim) -> Result<String, Halt> {
    let outcome = partitions(context, claim).await;
    let (projection, metrics) = (claim.projection.as_str(), &context.metrics.verify);
    match &outcome {
        Ok((_, false)) => metrics.equal(projection),
        Ok((_, true)) => metrics.diverged(projection),
        Err(Halt::Refused(_)) => metrics.refused(projection),
        Err(Halt::Lost | Halt::Machine(_)) => {}
    }
    match outcome? {
        (said, false) => Ok(said),
        (said, true) => Err(Halt::Refused(said)),
    }
}

/// What is to be said, and whether something differs.
async fn partitions(context: &Context, claim: &Claim) -> Result<(String, bool), Halt> {
    let live = live(context, &claim.projection).await?;
    let chosen = choose(context, claim, live).await?;
    let mut tally = Tally { done: 0, total: chosen.iter().map(|(_, events)| events).sum() };
    let mut said = vec![];
    for (partition, _) in &chosen {
        let differences = claim.while_renewing(one(context, claim, live, *partition, &mut tally)).await?;
        context.metrics.verify.partitions.with_label_values(&[live.name()]).inc();
        for difference in &differences {
            tracing::error!(projection = live.name(), generation = live.generation, partition, %difference, "projection diverges");
        }
        said.extend(differences.into_iter().map(|difference| format!("partition {partition}: {difference}")));
    }
    context.metrics.verify.events.with_label_values(&[live.name()]).inc_by(tally.done.unsigned_abs());
    let events = tally.done;
    if said.is_empty() {
        let how_many = chosen.len();
        return Ok((format!("{how_many} partitions with {events} events are the fold of the log"), false));
    }
    let more = said.len().saturating_sub(DIFFERENCES_SHOWN_MAX);
    said.truncate(DIFFERENCES_SHOWN_MAX);
    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    Ok((format!("generation {} diverges: {}{more}", live.generation, said.join(" | ")), true))
}

/// Partitions and how many events each has. The schedule draws among those within its budget.
async fn choose(context: &Context, claim: &Claim, live: Target) -> Result<Vec<(i16, i64)>, Halt> {
    let rows = sqlx::query!(
        "SELECT partition, seq FROM read.checkpoints
         WHERE projection = $1 AND generation = $2 AND seq > 0 AND ($3::smallint IS NULL OR partition BETWEEN $3 AND $4)
         ORDER BY random()",
        live.name(),
        live.generation,
        claim.partitions.map(|(first, _)| first),
        claim.partitions.map(|(_, last)| last)
    )
    .fetch_all(context.pools.shared())
    .await?;
    let mut chosen: Vec<(i16, i64)> = rows.into_iter().map(|row| (row.partition, row.seq)).collect();
    if claim.partitions.is_none() {
        let budget = if claim.scheduled { context.config.verify_events_max } else { i64::MAX };
        chosen.retain(|(_, events)| *events <= budget);
        chosen.truncate(1);
    }
    chosen.sort_unstable();
    Ok(chosen)
}

async fn one(
    context: &Context,
    claim: &Claim,
    live: Target,
    partition: i16,
    tally: &mut Tally,
) -> Result<Vec<Difference>, Halt> {
    let mut differences = vec![];
    for _ in 0..TRIES_MAX {
        let mut fold = Fold::begin(context, claim, live, partition, tally).await?;
        claim.step("comparing", tally.done, tally.total).await?;
        let (mut snapshot, position) = snapshot(context, live, partition).await?;
        fold.up_to(context, position).await?;
        let mut beside = context.pools.shared().begin().await?;
        sqlx::query!("SET LOCAL statement_timeout = 0").execute(&mut *beside).await?;
        differences = compare(&mut snapshot, &mut beside, live, fold.scratch, partition).await?;
        drop((snapshot, beside));
        fold.end(context, claim).await?;
        if differences.is_empty() {
            break;
        }
    }
    Ok(differences)
}

/// The live generation as it is now, and how far it is.
async fn snapshot(
    context: &Context,
    live: Target,
    partition: i16,
) -> Result<(Transaction<'static, Postgres>, i64), Halt> {
    let mut snapshot = context.pools.shared().begin_with(SNAPSHOT).await?;
    let row = sqlx::query!(
        r#"SELECT seq AS "seq!" FROM read.live_checkpoints WHERE projection = $1 AND generation = $2 AND partition = $3"#,
        live.name(),
        live.generation,
        partition
    )
    .fetch_optional(&mut *snapshot)
    .await?;
    let row = row.ok_or_else(|| Halt::Refused("another generation was switched to meanwhile".to_owned()))?;
    Ok((snapshot, row.seq))
}
