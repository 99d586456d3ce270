//! Lets queries read another generation, so that no query sees less than it was promised.
//!
//! The live generation's checkpoints are locked: nothing new can be promised on them. The next one catches up with them.
//! Whoever began to read before that may still open a view, and would read the next generation as it was then, so those
//! few transactions are waited for. Then the views change, or the locks are given up and it is tried again: nobody waits
//! for long.

use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use tokio::time::{Instant, sleep, timeout};

use super::Halt;
use super::claim::Claim;
use crate::apply::sql_state;
use crate::projector::Context;
use crate::registry::Target;

const SWITCHING: &str = "switching";
/// How long live checkpoints stay locked at most before the next try.
const LOCKED_MAX: Duration = Duration::from_secs(2);
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
const TRIES_MAX: u32 = 40;
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

enum Try {
    Switched(String),
    /// In the way this time.
    NotYet(&'static str),
}

pub(super) async fn switch(context: &Context, claim: &Claim, target: Target) -> Result<String, Halt> {
    let mut pause = PAUSE_FIRST;
    let mut reason = "";
    for _ in 0..TRIES_MAX {
        claim.step(SWITCHING, 0, 0).await?;
        match once(context, claim, target).await? {
            Try::Switched(outcome) => return Ok(outcome),
            Try::NotYet(why) => reason = why,
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
    Err(Halt::Refused(format!("tried {TRIES_MAX} times: {reason}")))
}

async fn once(context: &Context, claim: &Claim, target: Target) -> Result<Try, Halt> {
    match super::state_of(context, target).await?.as_deref() {
        Some("live") => return Ok(Try::Switched(format!("generation {} is live", target.generation))),
        Some("ready" | "standby") => {}
        Some(state) => return Err(Halt::Refused(format!("generation {} is {state}", target.generation))),
        None => return Err(Halt::Refused(format!("there is no generation {}", target.generation))),
    }
    let mut transaction = context.pools.shared().begin().await?;
    sqlx::query!("SET LOCAL lock_timeout = '1s'").execute(&mut *transaction).await?;
    claim.hold(&mut transaction).await?;
    let outcome = under_locks(context, target, &mut transaction).await;
    match outcome {
        Ok(Try::Switched(outcome)) => {
            transaction.commit().await?;
            context.told.notify_one();
            Ok(Try::Switched(outcome))
        }
        Ok(not_yet @ Try::NotYet(_)) => {
            transaction.rollback().await?;
            Ok(not_yet)
        }
        Err(error) if ["SQLSTATE 55P03", "SQLSTATE 40P01"].contains(&sql_state(&error).as_str()) => {
            transaction.rollback().await?;
            Ok(Try::NotYet("somebody held a lock"))
        }
        Err(error) => Err(error.into()),
    }
}

async fn under_locks(context: &Context, target: Target, transaction: &mut PgConnection) -> Result<Try, sqlx::Error> {
    let locked = sqlx::query!(
        r#"SELECT c.generation, c.partition,
                  EXISTS (SELECT FROM store.log_epochs l
                          WHERE l.partition = c.partition AND l.epoch > c.epoch AND l.first_seq <= c.seq) AS "taken_back!"
           FROM read.checkpoints c JOIN read.generations g USING (projection, generation)
           WHERE c.projection = $1 AND g.state = 'live' ORDER BY c.partition FOR UPDATE OF c"#,
        target.name()
    )
    .fetch_all(&mut *transaction)
    .await?;
    let taken_back = locked.iter().any(|row| row.taken_back);
    let before = locked.first().map(|row| row.generation);
    if let (true, Some(before)) = (taken_back, before) {
        forget_lost_positions(transaction, target, before).await?;
    }
    let pool = context.pools.shared();
    let limit = Instant::now() + LOCKED_MAX;
    while behind(transaction, target).await? {
        if Instant::now() > limit {
            return Ok(Try::NotYet("the generation is behind the live one"));
        }
        sleep(LOOK_INTERVAL).await;
    }
    if timeout(LOCKED_MAX, readers_end(pool)).await.map_or(Ok(true), |ended| ended.map(|()| false))? {
        return Ok(Try::NotYet("a long query is under way"));
    }
    sqlx::query!("SET LOCAL lock_timeout = '100ms'").execute(&mut *transaction).await?;
    sqlx::query!("SELECT read.switch_generation($1, $2)", target.name(), target.generation)
        .fetch_one(&mut *transaction)
        .await?;
    if let (true, Some(before)) = (taken_back, before) {
        // It holds what the log has lost, so nobody may ever switch back to it.
        sqlx::query!("SELECT read.retire_generation($1, $2)", target.name(), before)
            .fetch_one(&mut *transaction)
            .await?;
    }
    let before = before.map(|before| format!("; before it was generation {before}")).unwrap_or_default();
    Ok(Try::Switched(format!("generation {} is live{before}", target.generation)))
}

/// A position that a restore took back is nothing to catch up with.
async fn forget_lost_positions(transaction: &mut PgConnection, target: Target, live: i32) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE read.checkpoints c SET seq = least(c.seq, n.seq)
         FROM read.checkpoints n
         WHERE c.projection = $1 AND c.generation = $2 AND n.projection = $1 AND n.generation = $3 AND n.partition = c.partition
           AND EXISTS (SELECT FROM store.log_epochs l WHERE l.partition = c.partition AND l.epoch > c.epoch AND l.first_seq <= c.seq)",
        target.name(),
        live,
        target.generation
    )
    .execute(transaction)
    .await?;
    Ok(())
}

async fn behind(transaction: &mut PgConnection, target: Target) -> Result<bool, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT EXISTS (
               SELECT FROM read.live_checkpoints l
               JOIN read.checkpoints n ON n.projection = l.projection AND n.generation = $2 AND n.partition = l.partition
               WHERE l.projection = $1 AND n.seq < l.seq) AS "behind!""#,
        target.name(),
        target.generation
    )
    .fetch_one(transaction)
    .await?;
    Ok(row.behind)
}

/// All that are under way now. It asks on another connection: a transaction sees each session as it first saw it.
async fn readers_end(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut before: Option<Vec<(i32, String)>> = None;
    loop {
        let now = sqlx::query!(r#"SELECT pid AS "pid!", transaction AS "transaction!" FROM read.readers_under_way()"#)
            .fetch_all(pool)
            .await?;
        let now: Vec<(i32, String)> = now.into_iter().map(|row| (row.pid, row.transaction)).collect();
        let waited_for = before.get_or_insert_with(|| now.clone());
        waited_for.retain(|reader| now.contains(reader));
        if waited_for.is_empty() {
            return Ok(());
        }
        sleep(LOOK_INTERVAL).await;
    }
}
