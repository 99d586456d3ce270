//! Parked streams: applied again now that the cause may be gone, or gone on with behind an event that is left out. What
//! hangs below a parked stream follows it.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::claim::Claim;
use super::{Halt, repair};
use crate::apply::{settle, sql_state};
use crate::checkpoint::{self, Checkpoint};
use crate::event::{Event, StoredEvent};
use crate::failure::Failure;
use crate::parked::{self, Verdicts};
use crate::projector::Context;
use crate::registry::{self, Target};

/// Where a group of parked streams lies, by the stream that holds the guilty event.
#[derive(Clone, Copy, Debug)]
struct Group {
    target: Target,
    root: Uuid,
    partition: i16,
}

/// Why a group is parked again.
struct Tried {
    applied: usize,
    parked_again: Vec<String>,
}

pub(super) async fn retry(context: &Context, claim: &Claim) -> Result<String, Halt> {
    let (tenant, stream) = named(claim)?;
    let groups = groups(context, claim, tenant, stream).await?;
    if groups.is_empty() {
        return Err(Halt::Refused("the stream is not parked".to_owned()));
    }
    let (all_well, said) = apply_all(context, claim, tenant, groups).await?;
    if all_well { Ok(said) } else { Err(Halt::Refused(said)) }
}

/// The event must wait somewhere: what was applied once cannot be left out any more.
pub(super) async fn skip(context: &Context, claim: &Claim) -> Result<String, Halt> {
    let (tenant, stream) = named(claim)?;
    let event = claim.skipped_event.ok_or_else(|| Halt::Refused("no event is named".to_owned()))?;
    let mut transaction = context.pools.shared().begin().await?;
    claim.hold(&mut transaction).await?;
    let noted = sqlx::query!(
        "INSERT INTO read.skips (projection, partition, event_id, reason)
         SELECT DISTINCT $1, e.partition, e.event_id, $5 FROM read.parked_events e
         WHERE e.projection = $1 AND e.tenant_id = $2 AND e.stream_id = $3 AND e.event_id = $4
         ON CONFLICT DO NOTHING",
        claim.projection,
        tenant,
        stream,
        event,
        claim.reason.as_deref().unwrap_or_default()
    )
    .execute(&mut *transaction)
    .await?;
    let known = sqlx::query!(
        r#"SELECT EXISTS (SELECT FROM read.skips WHERE projection = $1 AND event_id = $2) AS "known!""#,
        claim.projection,
        event
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    if noted.rows_affected() == 0 && !known.known {
        return Err(Halt::Refused("the event waits in no generation of this projection".to_owned()));
    }
    let waiting = groups(context, claim, tenant, stream).await?;
    if waiting.is_empty() {
        // A former attempt had already gone on behind it.
        return Ok("the event is left out".to_owned());
    }
    let (_, said) = apply_all(context, claim, tenant, waiting).await?;
    let said = format!("the event is left out; {said}");
    // What hangs below may wait for a reason of its own.
    if groups(context, claim, tenant, stream).await?.is_empty() { Ok(said) } else { Err(Halt::Refused(said)) }
}

fn named(claim: &Claim) -> Result<(Uuid, Uuid), Halt> {
    claim.of_tenant.zip(claim.stream).ok_or_else(|| Halt::Refused("no stream is named".to_owned()))
}

/// Whether nothing of them is parked any more, and what to say of each.
async fn apply_all(context: &Context, claim: &Claim, tenant: Uuid, groups: Vec<Group>) -> Result<(bool, String), Halt> {
    let mut said = vec![];
    let mut all_well = true;
    for group in groups {
        claim.step("applying", 0, 0).await?;
        let Tried { applied, parked_again } = claim.while_renewing(apply(context, claim, tenant, group)).await?;
        let generation = group.target.generation;
        all_well &= parked_again.is_empty();
        said.push(match parked_again.as_slice() {
            [] => format!("generation {generation}: {applied} events applied"),
            reasons => {
                format!("generation {generation}: {applied} events applied, parked again: {}", reasons.join(", "))
            }
        });
        set_metric(context, group.target).await?;
    }
    Ok((all_well, said.join(" | ")))
}

/// In which generations of this program the stream is parked, and because of which stream.
async fn groups(context: &Context, claim: &Claim, tenant: Uuid, stream: Uuid) -> Result<Vec<Group>, Halt> {
    let rows = sqlx::query!(
        "SELECT s.generation, s.because_of, s.partition, g.apply_version
         FROM read.parked_streams s JOIN read.generations g USING (projection, generation)
         WHERE s.projection = $1 AND s.tenant_id = $2 AND s.stream_id = $3 AND g.state IN ('filling', 'ready', 'live', 'standby')
           AND ($4::integer IS NULL OR s.generation = $4)
         ORDER BY s.generation",
        claim.projection,
        tenant,
        stream,
        claim.generation
    )
    .fetch_all(context.pools.shared())
    .await?;
    let group = rows.into_iter().filter_map(|row| {
        let projection = registry::find(&claim.projection, row.apply_version)?;
        let target = Target { projection, generation: row.generation };
        Some(Group { target, root: row.because_of, partition: row.partition })
    });
    Ok(group.collect())
}

/// Tries until what is left is what cannot be applied.
async fn apply(context: &Context, claim: &Claim, tenant: Uuid, group: Group) -> Result<Tried, Halt> {
    let mut verdicts = Verdicts::new();
    let mut one_by_one = false;
    loop {
        match once(context, claim, tenant, group, &verdicts, one_by_one).await {
            Ok(tried) => return Ok(tried),
            Err(Halt::Machine(Failure::Guilty(place, fault))) => {
                verdicts.insert(place, fault.0);
            }
            // Somewhere among all of them: the next try finds out where.
            Err(Halt::Machine(Failure::Data(_))) if !one_by_one => one_by_one = true,
            Err(halt) => return Err(halt),
        }
    }
}

async fn once(
    context: &Context,
    claim: &Claim,
    tenant: Uuid,
    group: Group,
    verdicts: &Verdicts,
    one_by_one: bool,
) -> Result<Tried, Halt> {
    let Group { target, partition, .. } = group;
    let mut transaction = context.pools.begin(target.generation).await?;
    let mut checkpoints = checkpoint::lock(&mut transaction, target, &[partition]).await?;
    let events = unpark(&mut transaction, tenant, group, &mut checkpoints).await?;
    let events: Vec<&Event> = events.iter().collect();
    let mut reached = checkpoints.clone();
    let mut tried = Tried { applied: 0, parked_again: vec![] };
    let pieces = if one_by_one { events.chunks(1) } else { events.chunks(events.len().max(1)) };
    for piece in pieces {
        let before = reached.clone();
        let settled = settle(&mut transaction, target, &before, &mut reached, piece, verdicts).await;
        let sifted = settled.map_err(|failure| guilty_of(failure, piece))?;
        tried.applied += sifted.to_apply.len();
        tried.parked_again.extend(sifted.newly_parked.into_iter().map(|newly| newly.reason));
    }
    checkpoint::advance(&mut transaction, target, &reached, &BTreeMap::new()).await?;
    repair::note_changed_rows(&mut transaction, target).await?;
    claim.hold(&mut transaction).await?;
    transaction.commit().await?;
    Ok(tried)
}

/// Data that Postgres refuses is some event's, which is known where there is only one.
fn guilty_of(failure: Failure, piece: &[&Event]) -> Failure {
    match (failure, piece) {
        (Failure::Data(error), [alone]) => Failure::Guilty(alone.place, crate::event::Fault(sql_state(&error))),
        (failure, _) => failure,
    }
}

/// Takes the group out of those that wait, and answers its events in order.
async fn unpark(
    transaction: &mut PgConnection,
    tenant: Uuid,
    group: Group,
    checkpoints: &mut BTreeMap<i16, Checkpoint>,
) -> Result<Vec<Event>, Halt> {
    let Group { target, root, partition } = group;
    let streams = sqlx::query!(
        "DELETE FROM read.parked_streams WHERE projection = $1 AND generation = $2 AND tenant_id = $3 AND because_of = $4
         RETURNING stream_id",
        target.name(),
        target.generation,
        tenant,
        root
    )
    .fetch_all(&mut *transaction)
    .await?;
    let streams: Vec<Uuid> = streams.into_iter().map(|row| row.stream_id).collect();
    if let Some(checkpoint) = checkpoints.get_mut(&partition) {
        checkpoint.parked_streams -= i32::try_from(streams.len()).unwrap_or(i32::MAX);
    }
    let rows = sqlx::query_as!(
        StoredEvent,
        r#"WITH waiting AS (
               DELETE FROM read.parked_events
               WHERE projection = $1 AND generation = $2 AND tenant_id = $3 AND stream_id = ANY ($4) RETURNING partition, seq)
           SELECT e.partition, e.seq, e.tenant_id, e.stream_id, e.stream_version, e.event_id, e.type AS type_name,
                  e.schema_version, e.recorded_at, e.header, e.body, e.meta,
                  (SELECT max(l.epoch) FROM store.log_epochs l WHERE l.partition = e.partition AND l.first_seq <= e.seq) AS "epoch!"
           FROM waiting w JOIN store.events e ON e.partition = w.partition AND e.seq = w.seq ORDER BY e.seq"#,
        target.name(),
        target.generation,
        tenant,
        &streams
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows.into_iter().map(Event::from).collect())
}

async fn set_metric(context: &Context, target: Target) -> Result<(), Halt> {
    let streams = parked::count(context.pools.shared(), target).await?;
    context.metrics.parked_streams.with_label_values(&target.labels()).set(streams);
    Ok(())
}
