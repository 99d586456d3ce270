//! What of a batch is applied and what waits: decided event by event, before any row is written, so that the set-based
//! statements see only what they can apply.

use std::collections::{BTreeMap, HashMap, HashSet, hash_map::Entry};

use sqlx::PgConnection;
use uuid::Uuid;

use crate::checkpoint::Checkpoint;
use crate::event::Event;
use crate::failure::Failure;
use crate::parked::{self, NewlyParked, ParkedStreams, Verdicts};
use crate::registry::Target;

/// Only events of kinds that the projection reads.
#[derive(Debug, Default)]
pub(crate) struct Sifted<'a> {
    pub to_apply: Vec<&'a Event>,
    pub newly_parked: Vec<NewlyParked<'a>>,
    pub to_park: Vec<&'a Event>,
}

impl<'a> Sifted<'a> {
    /// In no particular order.
    pub(crate) fn read(&self) -> impl Iterator<Item = &'a Event> {
        self.to_apply.iter().chain(&self.to_park).copied()
    }
}

/// `fresh` is what the checkpoints have not seen, in order.
pub(crate) async fn sift<'a>(
    transaction: &mut PgConnection,
    target: Target,
    checkpoints: &BTreeMap<i16, Checkpoint>,
    fresh: &[&'a Event],
    verdicts: &Verdicts,
) -> Result<Sifted<'a>, Failure> {
    let mut read: Vec<&Event> = fresh.iter().copied().filter(|event| target.projection.reads(event)).collect();
    let skipping: Vec<i16> = checkpoints.iter().filter(|(_, at)| at.skips).map(|(partition, _)| *partition).collect();
    if !skipping.is_empty() {
        let skipped = parked::skipped(transaction, target, &skipping).await?;
        read.retain(|event| !skipped.contains(&event.id));
    }
    let holding: Vec<i16> =
        checkpoints.iter().filter(|(_, at)| at.parked_streams > 0).map(|(partition, _)| *partition).collect();
    let is_guilty = |event: &Event| (target.projection.fault)(event).is_some() || verdicts.contains_key(&event.place);
    if holding.is_empty() && !read.iter().any(|event| is_guilty(event)) {
        return Ok(Sifted { to_apply: read, ..Sifted::default() });
    }
    let parked = parked::streams_in(transaction, target, &holding).await?;
    let parents = parents(transaction, target, &read).await?;
    Ok(divide(target, &read, parked, &parents, verdicts))
}

fn divide<'a>(
    target: Target,
    read: &[&'a Event],
    mut parked: ParkedStreams,
    parents: &HashMap<Uuid, Uuid>,
    verdicts: &Verdicts,
) -> Sifted<'a> {
    let mut sifted = Sifted::default();
    for &event in read {
        let parent = (target.projection.hangs_below)(event).or_else(|| parents.get(&event.stream).copied());
        let below = parent.and_then(|parent| parked.get(&parent).copied());
        let guilt = (target.projection.fault)(event)
            .map(|fault| fault.0.clone())
            .or_else(|| verdicts.get(&event.place).cloned());
        if let Entry::Vacant(unparked) = parked.entry(event.stream) {
            let (because_of, reason) = match (below, guilt) {
                (Some(guilty), _) => (guilty, "hangs below a parked stream".to_owned()),
                (None, Some(reason)) => (event.stream, reason),
                (None, None) => {
                    sifted.to_apply.push(event);
                    continue;
                }
            };
            unparked.insert(because_of);
            sifted.newly_parked.push(NewlyParked { event, because_of, reason });
        }
        sifted.to_park.push(event);
    }
    sifted
}

/// What streams begun before this batch hang below, which only their first events say.
async fn parents(
    transaction: &mut PgConnection,
    target: Target,
    read: &[&Event],
) -> Result<HashMap<Uuid, Uuid>, Failure> {
    let streams: HashSet<(i16, Uuid)> =
        read.iter().filter(|event| event.version > 1).map(|event| (event.place.partition, event.stream)).collect();
    let streams: Vec<(i16, Uuid)> = streams.into_iter().collect();
    let firsts = parked::first_events(transaction, &streams).await?;
    Ok(firsts.iter().filter_map(|first| Some((first.stream, (target.projection.hangs_below)(first)?))).collect())
}
