//! The one way from several events of one stream in a batch to one row: load the rows of the touched streams, fold the
//! events over them in memory, hand back what changed. A projection writes the changes with one statement.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::{Event, Fault};
use crate::failure::Failure;

/// The row of one stream. The tenant leads, as in every index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub tenant: Uuid,
    pub stream: Uuid,
}

/// A table with a row a stream.
pub(crate) trait Row: Clone + Send + Sync {
    /// The rows that exist, with their keys.
    fn load(keys: &Keys, transaction: &mut PgConnection)
    -> impl Future<Output = Result<Vec<Self>, sqlx::Error>> + Send;

    fn key(&self) -> Key;

    /// The version of its stream that the row shows.
    fn version(&self) -> i64;

    /// Which row an event touches, if any. Mostly its own stream's.
    fn touched_by(event: &Event) -> Option<Key> {
        Some(event.key())
    }

    /// Facts, no rules. `None` in: nothing happened to this stream yet.
    fn evolve(row: Option<Self>, event: &Event) -> Result<Self, Impossible>;
}

/// An event that cannot have followed: corruption, reported as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Impossible(pub &'static str);

/// Keys as columns, for `unnest`.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub tenants: Vec<Uuid>,
    pub streams: Vec<Uuid>,
}

/// A row as it was and as it is to be.
#[derive(Clone, Debug)]
pub(crate) struct Change<R> {
    pub before: Option<R>,
    pub after: R,
}

pub(crate) async fn fold<R: Row>(events: &[&Event], transaction: &mut PgConnection) -> Result<Vec<Change<R>>, Failure> {
    let touching: Vec<(Key, &Event)> = events
        .iter()
        .filter(|event| event.written().is_some())
        .filter_map(|event| Some((R::touched_by(event)?, *event)))
        .collect();
    if touching.is_empty() {
        return Ok(vec![]);
    }
    let keys = known_before(&touching);
    let stored = if keys.streams.is_empty() { vec![] } else { R::load(&keys, transaction).await? };
    let stored: HashMap<Key, R> = stored.into_iter().map(|row| (row.key(), row)).collect();
    let mut rows: HashMap<Key, R> = HashMap::new();
    let mut order = vec![];
    for (key, event) in touching {
        let row = rows.get(&key).or_else(|| stored.get(&key));
        // A row that shows this version of its own stream has taken the event in before.
        if event.stream == key.stream && row.is_some_and(|row| row.version() >= event.version) {
            continue;
        }
        let evolved = R::evolve(row.cloned(), event)
            .map_err(|Impossible(why)| Failure::Guilty(event.place, Fault(why.to_owned())))?;
        if rows.insert(key, evolved).is_none() {
            order.push(key);
        }
    }
    let change = |key| Some(Change { before: stored.get(&key).cloned(), after: rows.remove(&key)? });
    Ok(order.into_iter().filter_map(change).collect())
}

/// A stream that begins in this batch has no row yet: creating one loads nothing.
fn known_before(touching: &[(Key, &Event)]) -> Keys {
    let begins = |(key, event): &&(Key, &Event)| event.version == 1 && event.stream == key.stream;
    let begun: HashSet<Key> = touching.iter().filter(begins).map(|(key, _)| *key).collect();
    Keys::of(touching.iter().map(|(key, _)| *key).filter(|key| !begun.contains(key)))
}

/// A stored time.
pub(crate) fn time(micros: i64) -> Result<DateTime<Utc>, Impossible> {
    DateTime::from_timestamp_micros(micros).ok_or(Impossible("a time that no calendar has"))
}

/// One column of the rows, for `unnest`.
pub(crate) fn column<'a, R: 'a, T>(rows: impl IntoIterator<Item = &'a R>, of: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.into_iter().map(of).collect()
}

/// The rows as they are to be.
pub(crate) fn afters<R: Clone>(changes: &[Change<R>]) -> Vec<R> {
    changes.iter().map(|change| change.after.clone()).collect()
}

/// How much longer each tenant's list becomes.
pub(crate) fn growth<R: Row>(changes: &[Change<R>]) -> Growth {
    let mut by_tenant: BTreeMap<Uuid, i64> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.before.is_none()) {
        *by_tenant.entry(change.after.key().tenant).or_default() += 1;
    }
    Growth { tenants: by_tenant.keys().copied().collect(), counts: by_tenant.into_values().collect() }
}

/// Tenants and by how much, as columns.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    pub tenants: Vec<Uuid>,
    pub counts: Vec<i64>,
}

impl Event {
    /// The row of its own stream.
    pub(crate) const fn key(&self) -> Key {
        Key { tenant: self.tenant, stream: self.stream }
    }
}

impl Keys {
    pub(crate) fn of(keys: impl IntoIterator<Item = Key>) -> Self {
        let mut keys: Vec<Key> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        Self { tenants: column(&keys, |key| key.tenant), streams: column(&keys, |key| key.stream) }
    }
}
