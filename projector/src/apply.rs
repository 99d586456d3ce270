//! One batch into one projection: in one transaction if all is well, in smaller ones around what is not.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::checkpoint::{self, Checkpoint, Unread};
use crate::event::{Event, Place};
use crate::failure::Failure;
use crate::feed::{Range, log::LogReader};
use crate::parked::{self, Verdicts};
use crate::pools::Pools;
use crate::progress::Positions;
use crate::redis_models;
use crate::registry::Target;
use crate::sieve::{self, Sifted};

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub positions: Positions,
    pub events: usize,
    pub parked: usize,
}

/// Applies or parks every event, in order, none twice. Only the machine's failures come back as errors.
pub(crate) async fn apply(
    pools: &Pools,
    target: Target,
    events: Vec<Arc<Event>>,
    events_max: usize,
) -> Result<Applied, Failure> {
    apply_judged(pools, target, events, events_max, Verdicts::new()).await
}

/// The same, some events having been found guilty before.
async fn apply_judged(
    pools: &Pools,
    target: Target,
    events: Vec<Arc<Event>>,
    events_max: usize,
    mut verdicts: Verdicts,
) -> Result<Applied, Failure> {
    let log = LogReader::new(pools.shared().clone());
    let mut applied = Applied::default();
    let mut pending = vec![events];
    while let Some(batch) = pending.pop() {
        match transact(pools, target, &batch, &verdicts).await {
            Ok(done) => applied.add(done),
            Err(Failure::Guilty(place, fault)) => {
                verdicts.insert(place, fault.0);
                pending.push(batch);
            }
            Err(Failure::Data(error)) => bisect(batch, &error, &mut verdicts, &mut pending),
            Err(Failure::Gap { partition, applied: after }) => {
                pending.push(refill(&log, batch, partition, after, events_max).await?);
            }
            Err(
                failure @ (Failure::Stale { .. }
                | Failure::Missing(_)
                | Failure::TakenBack { .. }
                | Failure::Gone
                | Failure::Database(_)),
            ) => return Err(failure),
        }
    }
    Ok(applied)
}

/// Folds a piece of one partition into a generation that no loop fills. Its checkpoint says where it goes on. What is
/// guilty elsewhere is guilty here, so that the two can be compared.
pub(crate) async fn fold_range(
    pools: &Pools,
    target: Target,
    range: Range,
    events_max: usize,
    guilty: &Verdicts,
) -> Result<Applied, Failure> {
    let log = LogReader::new(pools.shared().clone());
    let mut applied = Applied::default();
    let mut after = range.after;
    while after < range.upto {
        let upto = range.upto.min(after + events_max as i64);
        let events = log.read(&[Range { after, upto, ..range }]).await?;
        applied.add(apply_judged(pools, target, events, events_max, guilty.clone()).await?);
        after = upto;
    }
    Ok(applied)
}

/// The first half comes first: both are contiguous pieces of each partition.
fn bisect(
    mut batch: Vec<Arc<Event>>,
    error: &sqlx::Error,
    verdicts: &mut Verdicts,
    pending: &mut Vec<Vec<Arc<Event>>>,
) {
    if let [alone] = batch.as_slice() {
        verdicts.insert(alone.place, sql_state(error));
        pending.push(batch);
    } else {
        let second = batch.split_off(batch.len() / 2);
        pending.push(second);
        pending.push(batch);
    }
}

/// The code alone: the message may quote the value.
pub(crate) fn sql_state(error: &sqlx::Error) -> String {
    let code = error.as_database_error().and_then(|error| error.code());
    format!("SQLSTATE {}", code.as_deref().unwrap_or("unknown"))
}

/// What lies between the checkpoint and the batch. A gap too large for one batch is filled from its front; the rest of
/// the partition comes later.
async fn refill(
    log: &LogReader,
    batch: Vec<Arc<Event>>,
    partition: i16,
    after: i64,
    events_max: usize,
) -> Result<Vec<Arc<Event>>, Failure> {
    let first = batch.iter().map(|event| event.place).find(|place| place.partition == partition && place.seq > after);
    let Some(Place { seq: first, .. }) = first else { return Ok(batch) };
    let upto = (first - 1).min(after + events_max as i64);
    tracing::warn!(partition, after, first, "the feed left a gap, which is read from the store");
    let missing = log.read(&[Range { partition, after, upto }]).await?;
    let whole = upto == first - 1;
    let keep = |event: &Arc<Event>| whole || event.place.partition != partition;
    let mut batch: Vec<Arc<Event>> = missing.into_iter().chain(batch.into_iter().filter(keep)).collect();
    batch.sort_by_key(|event| event.place);
    Ok(batch)
}

async fn transact(
    pools: &Pools,
    target: Target,
    batch: &[Arc<Event>],
    verdicts: &Verdicts,
) -> Result<Applied, Failure> {
    if let Some(unread) = unread(target, batch)
        && checkpoint::pass_by(&pools.of(target.generation), target, &unread).await?
    {
        let positions = unread.iter().map(|unread| (unread.partition, unread.last)).collect();
        return Ok(Applied { positions, events: batch.len(), parked: 0 });
    }
    let mut partitions: Vec<i16> = batch.iter().map(|event| event.place.partition).collect();
    partitions.sort_unstable();
    partitions.dedup();
    let mut transaction = pools.begin(target.generation).await?;
    let checkpoints = checkpoint::lock(&mut transaction, target, &partitions).await?;
    let (fresh, mut reached) = fresh(batch, &checkpoints)?;
    if fresh.is_empty() {
        return Ok(Applied::at(&checkpoints));
    }
    let sifted = settle(&mut transaction, target, &checkpoints, &mut reached, &fresh, verdicts).await?;
    let mut tenants = BTreeMap::<Uuid, i64>::new();
    for event in sifted.read() {
        let last = tenants.entry(event.tenant).or_default();
        *last = event.place.seq.max(*last);
    }
    if pools.owes_copies() && redis_models::is_copied(target.name()) && !tenants.is_empty() {
        redis_models::note(&mut transaction, target, &tenants).await?;
    }
    checkpoint::advance(&mut transaction, target, &reached, &tenants).await?;
    transaction.commit().await?;
    Ok(Applied { events: fresh.len(), parked: sifted.newly_parked.len(), ..Applied::at(&reached) })
}

/// Applies events or parks them, within a transaction that has locked the checkpoints of their partitions.
pub(crate) async fn settle<'a>(
    transaction: &mut PgConnection,
    target: Target,
    checkpoints: &BTreeMap<i16, Checkpoint>,
    reached: &mut BTreeMap<i16, Checkpoint>,
    events: &[&'a Event],
    verdicts: &Verdicts,
) -> Result<Sifted<'a>, Failure> {
    let sifted = sieve::sift(transaction, target, checkpoints, events, verdicts).await?;
    if !sifted.to_park.is_empty() {
        park(transaction, target, &sifted, reached).await?;
    }
    if !sifted.to_apply.is_empty() {
        (target.projection.apply)(&sifted.to_apply, transaction).await?;
    }
    Ok(sifted)
}

/// The pieces of a batch of which the projection reads nothing, if it is such a batch and in order.
fn unread(target: Target, batch: &[Arc<Event>]) -> Option<Vec<Unread>> {
    let mut pieces: Vec<Unread> = vec![];
    for event in batch {
        let (Place { partition, seq }, epoch) = (event.place, event.epoch);
        if target.projection.reads(event) {
            return None;
        }
        match pieces.last_mut() {
            Some(last) if last.partition == partition => {
                if seq != last.last + 1 || epoch != last.epoch {
                    return None;
                }
                last.last = seq;
            }
            Some(last) if last.partition > partition => return None,
            Some(_) | None => pieces.push(Unread { partition, first: seq, last: seq, epoch }),
        }
    }
    (!pieces.is_empty()).then_some(pieces)
}

async fn park(
    transaction: &mut PgConnection,
    target: Target,
    sifted: &Sifted<'_>,
    reached: &mut BTreeMap<i16, Checkpoint>,
) -> Result<(), Failure> {
    parked::park_streams(transaction, target, &sifted.newly_parked).await?;
    parked::park_events(transaction, target, &sifted.to_park).await?;
    for newly in &sifted.newly_parked {
        tracing::error!(projection = target.name(), generation = target.generation, stream = %newly.event.stream,
            event = %newly.event.id, reason = newly.reason, "a stream is parked: its event cannot be applied");
        if let Some(checkpoint) = reached.get_mut(&newly.event.place.partition) {
            checkpoint.parked_streams += 1;
        }
    }
    Ok(())
}

/// What the locked checkpoints have not seen, and where they stand after it.
fn fresh<'a>(
    batch: &'a [Arc<Event>],
    checkpoints: &BTreeMap<i16, Checkpoint>,
) -> Result<(Vec<&'a Event>, BTreeMap<i16, Checkpoint>), Failure> {
    let mut reached = checkpoints.clone();
    let mut fresh = vec![];
    for event in batch {
        let Place { partition, seq } = event.place;
        let at = reached.get_mut(&partition).ok_or(Failure::Gone)?;
        if seq <= at.seq {
            continue;
        }
        if seq > at.log.head || at.log.epochs.at(seq) != Some(event.epoch) {
            return Err(Failure::Stale { place: event.place, epoch: event.epoch });
        }
        if seq != at.seq + 1 {
            return Err(Failure::Gap { partition, applied: at.seq });
        }
        (at.epoch, at.seq) = (event.epoch, seq);
        fresh.push(event.as_ref());
    }
    Ok((fresh, reached))
}

impl Applied {
    fn at(checkpoints: &BTreeMap<i16, Checkpoint>) -> Self {
        let positions = checkpoints.iter().map(|(partition, at)| (*partition, at.seq)).collect();
        Self { positions, ..Self::default() }
    }

    fn add(&mut self, other: Self) {
        self.positions.extend(other.positions);
        self.events += other.events;
        self.parked += other.parked;
    }
}
