//! An operation that this process carries out. The claim lasts as long as it is renewed; whoever takes up an expired one
//! gets the next attempt's number, and every step of the former attempt then fails.

use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::Halt;
use crate::registry::{self, Target};

/// How long a crash keeps an operation from going on.
const CLAIM_SECONDS: f64 = 15.0;
/// Well within a claim.
const RENEW_INTERVAL: Duration = Duration::from_secs(4);

/// Rebuilds and verifications take long; what takes moments does not wait for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Short,
    Long,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rebuild,
    Switch,
    Retire,
    Verify,
    Repair,
    Retry,
    Skip,
}

#[derive(Debug)]
pub(super) struct Claim {
    pool: PgPool,
    attempt: i32,
    pub id: Uuid,
    pub projection: String,
    pub kind: Kind,
    pub generation: Option<i32>,
    pub switch_after: bool,
    pub partitions: Option<(i16, i16)>,
    pub of_tenant: Option<Uuid>,
    pub stream: Option<Uuid>,
    pub skipped_event: Option<Uuid>,
    pub reason: Option<String>,
    /// Where a former attempt got to.
    pub step: String,
    /// Asked for by the schedule: it keeps within its budget.
    pub scheduled: bool,
}

impl Kind {
    const LONG: [&'static str; 3] = ["rebuild", "verify", "repair"];

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "rebuild" => Self::Rebuild,
            "switch" => Self::Switch,
            "retire" => Self::Retire,
            "verify" => Self::Verify,
            "repair" => Self::Repair,
            "retry" => Self::Retry,
            "skip" => Self::Skip,
            _ => return None,
        })
    }
}

impl Claim {
    /// The oldest of its lane, one at a time for each projection, in the order they were asked for.
    pub(super) async fn next(pool: &PgPool, lane: Lane, actor: Uuid) -> Result<Option<Self>, sqlx::Error> {
        let long: Vec<String> = Kind::LONG.map(str::to_owned).to_vec();
        let row = sqlx::query!(
            r#"UPDATE read.operations o
               SET state = 'running', attempt = o.attempt + 1, claimed_by = $4, claimed_until = clock_timestamp() + make_interval(secs => $3),
                   started_at = coalesce(o.started_at, clock_timestamp())
               WHERE o.operation_id = (
                   SELECT c.operation_id FROM read.operations c
                   WHERE (c.state = 'requested' OR c.state = 'running' AND c.claimed_until < clock_timestamp())
                     AND (c.kind = ANY ($1)) = $2
                     AND NOT EXISTS (SELECT FROM read.operations b
                         WHERE b.projection = c.projection AND b.state IN ('requested', 'running')
                           AND (b.kind = ANY ($1)) = $2 AND (b.requested_at, b.operation_id) < (c.requested_at, c.operation_id))
                   ORDER BY c.requested_at, c.operation_id FOR UPDATE SKIP LOCKED LIMIT 1)
               RETURNING operation_id, projection, kind, generation, switch_after, first_partition, last_partition, of_tenant,
                   stream_id, skipped_event, reason, step, attempt, requested_by"#,
            &long,
            lane == Lane::Long,
            CLAIM_SECONDS,
            actor
        )
        .fetch_optional(pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let Some(kind) = Kind::parse(&row.kind) else {
            return Err(sqlx::Error::Decode(format!("an operation of kind {}", row.kind).into()));
        };
        Ok(Some(Self {
            pool: pool.clone(),
            attempt: row.attempt,
            id: row.operation_id,
            projection: row.projection,
            kind,
            generation: row.generation,
            switch_after: row.switch_after,
            partitions: row.first_partition.zip(row.last_partition),
            of_tenant: row.of_tenant,
            stream: row.stream_id,
            skipped_event: row.skipped_event,
            reason: row.reason,
            step: row.step,
            scheduled: row.requested_by == super::schedule::ACTOR,
        }))
    }

    /// The generation it is about, as this program would fill it.
    pub(super) fn target(&self) -> Result<Target, Halt> {
        let projection = registry::ALL.iter().find(|known| known.name == self.projection);
        match (projection, self.generation) {
            (Some(projection), Some(generation)) => Ok(Target { projection, generation }),
            (_, _) => Err(Halt::Refused("this program knows no such projection".to_owned())),
        }
    }

    /// Says where it is, and renews the claim.
    pub(super) async fn step(&self, step: &str, done: i64, total: i64) -> Result<(), Halt> {
        let updated = sqlx::query!(
            "UPDATE read.operations
             SET step_began_at = CASE WHEN step = $3 AND step_began_at IS NOT NULL THEN step_began_at ELSE clock_timestamp() END,
                 step_began_done = CASE WHEN step = $3 AND step_began_at IS NOT NULL THEN step_began_done ELSE $4 END,
                 step = $3, events_done = $4, events_total = $5, claimed_until = clock_timestamp() + make_interval(secs => $6)
             WHERE operation_id = $1 AND attempt = $2 AND state = 'running'",
            self.id,
            self.attempt,
            step,
            done,
            total,
            CLAIM_SECONDS
        )
        .execute(&self.pool)
        .await?;
        if updated.rows_affected() == 1 { Ok(()) } else { Err(Halt::Lost) }
    }

    /// Within a transaction: nobody else takes the operation up before it ends, nor without the claim's time after it.
    pub(super) async fn hold(&self, transaction: &mut PgConnection) -> Result<(), Halt> {
        let updated = sqlx::query!(
            "UPDATE read.operations SET claimed_until = clock_timestamp() + make_interval(secs => $3)
             WHERE operation_id = $1 AND attempt = $2 AND state = 'running'",
            self.id,
            self.attempt,
            CLAIM_SECONDS
        )
        .execute(transaction)
        .await?;
        if updated.rows_affected() == 1 { Ok(()) } else { Err(Halt::Lost) }
    }

    /// Renews the claim while something takes its time outside of a transaction that holds it.
    pub(super) async fn while_renewing<T>(&self, work: impl Future<Output = Result<T, Halt>>) -> Result<T, Halt> {
        let renew = async {
            loop {
                tokio::time::sleep(RENEW_INTERVAL).await;
                let mut connection = self.pool.acquire().await?;
                self.hold(&mut connection).await?;
            }
        };
        tokio::select! {
            outcome = work => outcome,
            lost = renew => lost,
        }
    }

    pub(super) async fn finish(&self, done: bool, outcome: &str) -> Result<(), Halt> {
        let state = if done { "done" } else { "failed" };
        let updated = sqlx::query!(
            "UPDATE read.operations SET state = $3, outcome = $4, claimed_until = NULL, finished_at = clock_timestamp()
             WHERE operation_id = $1 AND attempt = $2 AND state = 'running'",
            self.id,
            self.attempt,
            state,
            outcome
        )
        .execute(&self.pool)
        .await?;
        if updated.rows_affected() == 0 {
            return Err(Halt::Lost);
        }
        tracing::info!(operation = %self.id, projection = self.projection, kind = ?self.kind, state, outcome, "an operation has ended");
        Ok(())
    }
}

/// What this process has claimed can be claimed at once.
pub(super) async fn give_back(pool: &PgPool, actor: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE read.operations SET claimed_until = clock_timestamp() WHERE state = 'running' AND claimed_by = $1",
        actor
    )
    .execute(pool)
    .await?;
    Ok(())
}
