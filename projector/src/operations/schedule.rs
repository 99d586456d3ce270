//! A sample verified now and then, although nobody asked: one partition of one projection, drawn anew each time. One of
//! the projectors asks; it is an operation like any other.

use std::time::Duration;

use tokio::time::sleep;
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::projector::Context;

/// Who asked.
pub(super) const ACTOR: &str = "schedule";
/// Looking whether it is time costs nothing beside what follows.
const LOOK_PARTS: u32 = 10;
/// Long enough to look back; short enough that the table stays small.
const KEPT_DAYS: i32 = 30;

pub(super) async fn verify_now_and_then(context: &Context) {
    let interval = context.config.verify_interval;
    if interval.is_zero() {
        return std::future::pending().await;
    }
    let mut backoff = Backoff::default();
    loop {
        sleep(interval / LOOK_PARTS).await;
        match ask(context, interval).await {
            Ok(()) => backoff.recovered("scheduled verifications"),
            Err(error) => sleep(backoff.failed(&error, "scheduled verifications")).await,
        }
    }
}

/// Unless another process asked within the interval.
async fn ask(context: &Context, interval: Duration) -> Result<(), sqlx::Error> {
    let mut transaction = context.pools.shared().begin().await?;
    // Two processes that ask at once would both see that nobody has.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('securenet verify schedule'))")
        .fetch_one(&mut *transaction)
        .await?;
    sqlx::query!(
        "DELETE FROM read.operations WHERE requested_by = $1 AND state IN ('done', 'failed')
           AND finished_at < clock_timestamp() - make_interval(days => $2)",
        ACTOR,
        KEPT_DAYS
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "INSERT INTO read.operations (operation_id, decision, projection, kind, switch_after, requested_by, requested_at, state)
         SELECT $1, $1, g.projection, 'verify', false, $2, clock_timestamp(), 'requested'
         FROM read.generations g
         WHERE g.state = 'live' AND NOT g.frozen
           AND EXISTS (SELECT FROM read.projection_tables t WHERE t.projection = g.projection)
           AND NOT EXISTS (SELECT FROM read.operations o WHERE o.requested_by = $2
                           AND o.requested_at > clock_timestamp() - make_interval(secs => $3))
         ORDER BY random() LIMIT 1",
        Uuid::now_v7(),
        ACTOR,
        interval.as_secs_f64()
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}
