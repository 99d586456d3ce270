//! A part of the log folded once more, into a generation that no loop fills and no query reads, to compare with.

use domain::vocabulary::GENERATION_MAX;
use sqlx::PgConnection;

use super::Halt;
use super::claim::Claim;
use crate::apply::fold_range;
use crate::event::Place;
use crate::feed::Range;
use crate::parked::Verdicts;
use crate::projector::Context;
use crate::registry::Target;

/// Beyond all numbers that are given. A projection has one at a time, since its operations do.
pub(super) const SCRATCH: i32 = GENERATION_MAX as i32 + 1;
/// After so many, progress is noted.
const STRIDE_EVENTS: i64 = 5_000;

/// One partition's fold so far.
pub(super) struct Fold {
    pub scratch: Target,
    pub partition: i16,
    reached: i64,
    guilty: Verdicts,
}

/// What of the whole operation is done.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub done: i64,
    pub total: i64,
}

impl Fold {
    /// From nothing up to about where the live generation is now.
    pub(super) async fn begin(
        context: &Context,
        claim: &Claim,
        live: Target,
        partition: i16,
        tally: &mut Tally,
    ) -> Result<Self, Halt> {
        let scratch = Target { generation: SCRATCH, ..live };
        let mut transaction = context.pools.shared().begin().await?;
        claim.hold(&mut transaction).await?;
        clear(&mut transaction, live).await?;
        sqlx::query!(
            "SELECT read.create_generation($1, $2, $3, 'scratch')",
            live.name(),
            SCRATCH,
            live.projection.apply_version
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let guilty = guilty(context, live, partition).await?;
        let mut fold = Self { scratch, partition, reached: 0, guilty };
        let upto = position(context, live, partition).await?;
        while fold.reached < upto {
            let before = fold.reached;
            fold.up_to(context, upto.min(before + STRIDE_EVENTS)).await?;
            tally.done += fold.reached - before;
            claim.step("folding", tally.done, tally.total).await?;
        }
        Ok(fold)
    }

    pub(super) async fn up_to(&mut self, context: &Context, upto: i64) -> Result<(), Halt> {
        let range = Range { partition: self.partition, after: self.reached, upto };
        fold_range(&context.pools, self.scratch, range, context.config.batch_events, &self.guilty).await?;
        self.reached = self.reached.max(upto);
        Ok(())
    }

    pub(super) async fn end(self, context: &Context, claim: &Claim) -> Result<(), Halt> {
        let mut transaction = context.pools.shared().begin().await?;
        claim.hold(&mut transaction).await?;
        clear(&mut transaction, self.scratch).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// What a former attempt has left goes, too.
async fn clear(transaction: &mut PgConnection, of: Target) -> Result<(), Halt> {
    sqlx::query!("SELECT read.drop_scratch($1, $2)", of.name(), SCRATCH).fetch_one(transaction).await?;
    Ok(())
}

/// What is parked in the live generation is parked in the fold at the same event, whatever this program would make of
/// it: waiting for a decision is no divergence.
async fn guilty(context: &Context, live: Target, partition: i16) -> Result<Verdicts, Halt> {
    let rows = sqlx::query!(
        "SELECT first_seq, reason FROM read.parked_streams
         WHERE projection = $1 AND generation = $2 AND partition = $3 AND because_of = stream_id",
        live.name(),
        live.generation,
        partition
    )
    .fetch_all(context.pools.shared())
    .await?;
    Ok(rows.into_iter().map(|row| (Place { partition, seq: row.first_seq }, row.reason)).collect())
}

async fn position(context: &Context, target: Target, partition: i16) -> Result<i64, Halt> {
    let row = sqlx::query!(
        "SELECT seq FROM read.checkpoints WHERE projection = $1 AND generation = $2 AND partition = $3",
        target.name(),
        target.generation,
        partition
    )
    .fetch_optional(context.pools.shared())
    .await?;
    row.map(|row| row.seq).ok_or_else(|| Halt::Refused(format!("generation {} is gone", target.generation)))
}
