//! How old what a tenant reads is, known without asking Postgres for each request.
//!
//! One poller a process looks at the tenants that were asked about within the last second. What it saw may be some
//! milliseconds old, like any answer that is under way; a request that names a position is never told less than that
//! position. Two equal versions mean the same rows, so whatever is kept under one is never served for another.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use platform::position::Position;
use serde::Deserialize;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::tenant_tx::Reader;

/// How often the poller looks.
const WATCH_INTERVAL: Duration = Duration::from_millis(12);
/// The oldest look that a request is answered from.
const LOOK_MAX_AGE: Duration = Duration::from_millis(25);
/// How long a tenant stays watched after it was asked about.
const WATCH_LINGER: Duration = Duration::from_secs(1);
/// Tenants of one look; those above are looked up request by request.
const WATCHED_MAX_TENANTS: usize = 500;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// What a tenant's answer was made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct Version {
    /// Of the partition's log.
    pub epoch: i32,
    pub projections: BTreeMap<String, At>,
}

/// The live generation of a projection, how often it was repaired, and the tenant's last event in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub struct At(pub i32, pub i32, pub i64);

impl Version {
    /// Whether what was made of this is at least as new as what would be made of the other.
    pub fn covers(&self, other: &Self) -> bool {
        let covers = |(projection, asked): (&String, &At)| {
            self.projections.get(projection).is_some_and(|own| own.0 == asked.0 && own.1 >= asked.1 && own.2 >= asked.2)
        };
        self.epoch == other.epoch && other.projections.iter().all(covers)
    }

    /// Whether an event at the position, which is the tenant's own partition's, is certainly in it.
    fn holds(&self, position: Position) -> bool {
        position.seq <= 0 || self.epoch == position.epoch && self.projections.values().all(|at| at.2 >= position.seq)
    }

    fn of(&self, projections: &[&str]) -> Self {
        let wanted = self.projections.iter().filter(|(name, _)| projections.contains(&name.as_str()));
        Self { epoch: self.epoch, projections: wanted.map(|(name, at)| (name.clone(), *at)).collect() }
    }
}

/// What the poller knows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TenantVersions {
    reader: Reader,
    seen: watch::Receiver<HashMap<Uuid, Seen>>,
    demand: Arc<Demand>,
}

#[derive(Debug, Clone)]
struct Seen {
    version: Version,
    looked_at: Instant,
}

/// Tenants somebody asked about.
#[derive(Debug, Default)]
struct Demand {
    watched: Mutex<HashMap<Uuid, Interest>>,
    wanted: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Interest {
    until: Instant,
    /// Looks from before it are of no use: somebody has seen more.
    not_before: Option<Instant>,
}

impl TenantVersions {
    /// Starts the one poller of this process; it ends with `stop`.
    pub fn start(reader: Reader, stop: CancellationToken) -> Self {
        let (sender, seen) = watch::channel(HashMap::new());
        let demand = Arc::new(Demand::default());
        tokio::spawn(poll(reader.clone(), Arc::clone(&demand), sender, stop));
        Self { reader, seen, demand }
    }

    /// Of these projections, as of at most some milliseconds ago, and not before a position that they have passed.
    pub async fn of(
        &self,
        tenant: Uuid,
        projections: &[&str],
        passed: Option<Position>,
    ) -> Result<Version, sqlx::Error> {
        let not_before = self.demand.watch(tenant);
        let fresh = |seen: &&Seen| {
            seen.looked_at.elapsed() <= LOOK_MAX_AGE && not_before.is_none_or(|moment| seen.looked_at >= moment)
        };
        let known = self.seen.borrow().get(&tenant).filter(fresh).map(|seen| seen.version.of(projections));
        // A look from before the position was passed knows nothing of it; one of now does.
        match known.filter(|version| passed.is_none_or(|position| version.holds(position))) {
            Some(version) => Ok(version),
            None => Ok(look(&self.reader, &[tenant]).await?.remove(&tenant).map_or_else(
                || Version { epoch: 0, projections: BTreeMap::new() },
                |seen| seen.version.of(projections),
            )),
        }
    }
}

impl TenantVersions {
    /// Somebody of the tenant has just been shown a position they named. Whoever asks next here, without naming one, is
    /// shown no less.
    pub fn showed_newer(&self, tenant: Uuid) {
        let mut watched = self.demand.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(interest) = watched.get_mut(&tenant) {
            interest.not_before = Some(Instant::now());
        }
    }
}

impl Demand {
    fn watch(&self, tenant: Uuid) -> Option<Instant> {
        let until = Instant::now() + WATCH_LINGER;
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() >= WATCHED_MAX_TENANTS && !watched.contains_key(&tenant) {
            return None;
        }
        let new = || {
            self.wanted.notify_one();
            Interest { until, not_before: None }
        };
        let interest = watched.entry(tenant).or_insert_with(new);
        interest.until = until;
        interest.not_before
    }

    fn tenants(&self) -> Vec<Uuid> {
        let now = Instant::now();
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, interest| interest.until > now);
        watched.keys().copied().collect()
    }
}

async fn poll(reader: Reader, demand: Arc<Demand>, seen: watch::Sender<HashMap<Uuid, Seen>>, stop: CancellationToken) {
    let work = async {
        let mut blind = false;
        loop {
            let tenants = demand.tenants();
            if tenants.is_empty() {
                demand.wanted.notified().await;
                continue;
            }
            match look(&reader, &tenants).await {
                Ok(looked) => {
                    blind = false;
                    seen.send_replace(looked);
                    sleep(WATCH_INTERVAL).await;
                }
                Err(error) => {
                    if !std::mem::replace(&mut blind, true) {
                        tracing::warn!(%error, "how old answers are cannot be read ahead; each request asks by itself");
                    }
                    sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = stop.cancelled() => {}
    }
}

async fn look(reader: &Reader, tenants: &[Uuid]) -> Result<HashMap<Uuid, Seen>, sqlx::Error> {
    // The moment before the question: what is seen may be newer, never older.
    let looked_at = Instant::now();
    let rows = sqlx::query!(
        r#"SELECT tenant_id AS "tenant_id!", epoch AS "epoch!", projection AS "projection!", generation AS "generation!",
                  repairs AS "repairs!", seq AS "seq!" FROM read.tenant_versions($1)"#,
        tenants
    )
    .fetch_all(reader.tenantless())
    .await?;
    let mut seen = HashMap::with_capacity(tenants.len());
    for row in rows {
        let new = || Seen { version: Version { epoch: row.epoch, projections: BTreeMap::new() }, looked_at };
        let known = seen.entry(row.tenant_id).or_insert_with(new);
        known.version.projections.insert(row.projection, At(row.generation, row.repairs, row.seq));
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(epoch: i32, summary: At, devices: At) -> Version {
        Version { epoch, projections: [("summary".to_owned(), summary), ("devices".to_owned(), devices)].into() }
    }

    #[test]
    fn a_copy_covers_what_is_no_newer_of_the_same_generations_and_epoch() {
        let known = version(1, At(1, 0, 10), At(1, 0, 9));
        assert!(known.covers(&known));
        assert!(version(1, At(1, 0, 11), At(1, 0, 9)).covers(&known));
        assert!(!version(1, At(1, 0, 11), At(1, 0, 8)).covers(&known), "older in one of them");
        assert!(!version(1, At(2, 0, 11), At(1, 0, 9)).covers(&known), "of another generation");
        assert!(!version(2, At(1, 0, 11), At(1, 0, 9)).covers(&known), "of another history");
        assert!(!known.covers(&version(1, At(1, 1, 10), At(1, 0, 9))), "not repaired");
        assert!(!Version { epoch: 1, projections: BTreeMap::new() }.covers(&known));
    }

    #[test]
    fn a_look_holds_a_position_only_where_every_projection_has_the_tenants_event() {
        let known = version(1, At(1, 0, 10), At(1, 0, 9));
        let at = |epoch, seq| Position { epoch, partition: 0, seq };
        assert!(known.holds(at(1, 9)) && known.holds(at(1, 0)));
        assert!(!known.holds(at(1, 10)) && !known.holds(at(2, 9)));
    }
}
