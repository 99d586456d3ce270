//! Folds a partition again and gives the live generation the rows that it ought to have, touching none that are right.
//! Nobody applies to that partition meanwhile; queries go on.

use super::claim::Claim;
use super::compare;
use super::fold::{Fold, Tally};
use super::{Halt, live};
use crate::checkpoint;
use crate::projector::Context;
use crate::registry::Target;

pub(super) async fn repair(context: &Context, claim: &Claim) -> Result<String, Halt> {
    let live = live(context, &claim.projection).await?;
    let (partition, _) = claim.partitions.ok_or_else(|| Halt::Refused("no partition is named".to_owned()))?;
    claim.while_renewing(mend(context, claim, live, partition)).await
}

async fn mend(context: &Context, claim: &Claim, live: Target, partition: i16) -> Result<String, Halt> {
    let mut tally = Tally::default();
    let mut fold = Fold::begin(context, claim, live, partition, &mut tally).await?;
    claim.step("mending", tally.done, tally.done).await?;
    let tables = compare::tables(context.pools.shared(), live.name()).await?;
    let mut transaction = context.pools.shared().begin().await?;
    sqlx::query!("SET LOCAL statement_timeout = 0").execute(&mut *transaction).await?;
    sqlx::query!("SET LOCAL idle_in_transaction_session_timeout = 0").execute(&mut *transaction).await?;
    let checkpoints = checkpoint::lock(&mut transaction, live, &[partition]).await?;
    let position = checkpoints.get(&partition).map_or(0, |checkpoint| checkpoint.seq);
    fold.up_to(context, position).await?;
    let mut mended = vec![];
    for table in &tables {
        let row = sqlx::query!(
            r#"SELECT read.mend_rows($1, $2, $3, $4) AS "rows!""#,
            live.generation,
            fold.scratch.generation,
            table,
            partition
        )
        .fetch_one(&mut *transaction)
        .await?;
        if row.rows > 0 {
            mended.push(format!("{} rows of {table}", row.rows));
        }
    }
    if !mended.is_empty() {
        note_changed_rows(&mut transaction, live).await?;
    }
    // Last, so that the claim is renewed while this waits for others, and nobody takes it up before the end.
    claim.hold(&mut transaction).await?;
    transaction.commit().await?;
    fold.end(context, claim).await?;
    if mended.is_empty() {
        return Ok(format!("partition {partition} of generation {} needed no repair", live.generation));
    }
    let mended = mended.join(", ");
    tracing::warn!(
        projection = live.name(),
        generation = live.generation,
        partition,
        mended,
        "a projection was repaired"
    );
    Ok(format!("partition {partition} of generation {}: {mended} mended", live.generation))
}

/// For the tags of answers: rows are others, although no seq has moved.
pub(super) async fn note_changed_rows(transaction: &mut sqlx::PgConnection, target: Target) -> Result<(), Halt> {
    sqlx::query!(
        "UPDATE read.generations SET repairs = repairs + 1 WHERE projection = $1 AND generation = $2",
        target.name(),
        target.generation
    )
    .execute(transaction)
    .await?;
    Ok(())
}
