//! How many reports are read at once: a bounded number in this process, and of one organization only a part of them, so
//! that whoever opens uploads and sends nothing keeps out their own organization alone. It never makes anybody wait: who
//! finds no place is told to come again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::vocabulary::TenantId;

/// Each has a parser's thread of its own, so this is also how many threads uploads can take.
pub const IMPORTS_MAX: usize = 32;
pub const IMPORTS_PER_TENANT_MAX: usize = 8;
/// What a client that found no place is told to wait.
pub const NO_PLACE_RETRY_AFTER_SECONDS: u32 = 5;

/// The places of this process. Cheap to clone; the clones share them.
#[derive(Clone, Default)]
pub struct Room(Arc<Mutex<BTreeMap<TenantId, usize>>>);

/// A place, free again when the last clone is gone. The parser holds one, too: a client that hangs up makes no room for
/// another thread while its own is still running.
#[derive(Clone)]
pub struct Place {
    _taken: Arc<Taken>,
}

struct Taken {
    room: Room,
    tenant: TenantId,
}

impl Room {
    pub fn take(&self, tenant: TenantId) -> Option<Place> {
        self.with(|taken| {
            let full = taken.values().sum::<usize>() >= IMPORTS_MAX;
            let own = taken.get(&tenant).copied().unwrap_or_default();
            if full || own >= IMPORTS_PER_TENANT_MAX {
                return None;
            }
            taken.insert(tenant, own + 1);
            Some(Place { _taken: Arc::new(Taken { room: self.clone(), tenant }) })
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<TenantId, usize>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.with(|taken| match taken.get_mut(&self.tenant) {
            Some(own) if *own > 1 => *own -= 1,
            Some(_) | None => drop(taken.remove(&self.tenant)),
        });
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn tenant(n: u128) -> TenantId {
        TenantId::new(Uuid::from_u128(n))
    }

    fn taken(room: &Room, tenant: TenantId) -> Vec<Place> {
        std::iter::from_fn(|| room.take(tenant)).collect()
    }

    #[test]
    fn an_organization_takes_its_part_of_the_places_and_leaves_the_others() {
        let room = Room::default();
        let one = taken(&room, tenant(1));
        assert_eq!((one.len(), taken(&room, tenant(2)).len()), (IMPORTS_PER_TENANT_MAX, IMPORTS_PER_TENANT_MAX));
    }

    #[test]
    fn all_organizations_together_take_no_more_than_there_are() {
        let room = Room::default();
        let places: Vec<_> = (0..100).flat_map(|n| taken(&room, tenant(n))).collect();
        assert_eq!(places.len(), IMPORTS_MAX);
    }

    #[test]
    fn a_place_is_free_when_neither_request_nor_parser_holds_it() {
        let room = Room::default();
        let mut places = taken(&room, tenant(1));
        let request = places.remove(0);
        let parser = request.clone();
        drop(request);
        assert!(room.take(tenant(1)).is_none());
        drop(parser);
        assert!(room.take(tenant(1)).is_some());
        drop(places);
        assert!(room.with(|taken| taken.is_empty()), "an organization that uploads nothing is forgotten");
    }
}
