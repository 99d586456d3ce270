//! Counting within this process: all there is without Redis, and what stands in while Redis is away.
//!
//! The table is bounded. Where it is full, those go who have the least to pay off: forgetting them forgives the least.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::cell::{Count, judge};
use super::{Limit, Subject, Who};

const SHARDS: usize = 16;
/// With some 60 bytes each the whole table stays below ten megabytes.
const SUBJECTS_PER_SHARD_MAX: usize = 8_192;

pub(super) struct Local {
    shards: [Mutex<HashMap<Subject, u64>>; SHARDS],
    hasher: RandomState,
    started: Instant,
}

impl Default for Local {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new(), started: Instant::now() }
    }
}

impl Local {
    pub(super) fn count(&self, subjects: &[(Subject, Limit)]) -> Vec<Count> {
        let now = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX / 2);
        self.count_at(subjects, now)
    }

    /// The subjects of one request share a shard, so that they are judged together.
    pub(super) fn count_at(&self, subjects: &[(Subject, Limit)], now: u64) -> Vec<Count> {
        let Some((first, _)) = subjects.first() else { return vec![] };
        let mut shard = self.shard(first).lock().unwrap_or_else(PoisonError::into_inner);
        let judged = subjects.iter().map(|(subject, limit)| judge(*limit, shard.get(subject).copied(), now));
        let judged: Vec<(u64, Count)> = judged.collect();
        if judged.iter().any(|(_, count)| !count.retry.is_zero()) {
            // Nothing is taken, so those that would have allowed it stand as they stood.
            let as_they_stood = subjects.iter().zip(&judged);
            return as_they_stood
                .map(|((subject, limit), (_, count))| match count.retry.is_zero() {
                    true => standing(*limit, shard.get(subject).copied(), now),
                    false => *count,
                })
                .collect();
        }
        for ((subject, _), (paid_off, _)) in subjects.iter().zip(&judged) {
            if shard.len() >= SUBJECTS_PER_SHARD_MAX && !shard.contains_key(subject) {
                make_room(&mut shard, now);
            }
            shard.insert(*subject, *paid_off);
        }
        judged.into_iter().map(|(_, count)| count).collect()
    }

    fn shard(&self, subject: &Subject) -> &Mutex<HashMap<Subject, u64>> {
        let hash = match subject.who {
            Who::Address(address) => self.hasher.hash_one(address),
            Who::Member { tenant, .. } => self.hasher.hash_one(tenant),
        };
        // The remainder is less than the number of shards.
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or_default()]
    }
}

fn standing(limit: Limit, paid_off: Option<u64>, now: u64) -> Count {
    Count::at(limit, paid_off.unwrap_or(now).clamp(now, now + limit.depth_micros()) - now, 0)
}

/// Those who owe nothing any more, and if that is not enough, the quarter that owes least.
fn make_room(shard: &mut HashMap<Subject, u64>, now: u64) {
    shard.retain(|_, paid_off| *paid_off > now);
    if shard.len() < SUBJECTS_PER_SHARD_MAX * 3 / 4 {
        return;
    }
    let mut owed: Vec<u64> = shard.values().copied().collect();
    let (_, border, _) = owed.select_nth_unstable(SUBJECTS_PER_SHARD_MAX / 4);
    let border = *border;
    let mut room = SUBJECTS_PER_SHARD_MAX / 4;
    shard.retain(|_, paid_off| {
        let goes = *paid_off <= border && room > 0;
        room -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::super::Class;
    use super::*;

    fn address(number: u32) -> Subject {
        Subject { class: Class::Address, who: Who::Address(Ipv4Addr::from_bits(number).into()) }
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_than_the_table_and_frees_no_busy_one() {
        let local = Local::default();
        let limit = Limit::new(1, 3);
        let busy = (address(0), limit);
        for _ in 0..3 {
            local.count_at(&[busy], 0);
        }
        for number in 1..400_000 {
            assert_eq!(local.count_at(&[(address(number), limit)], 1).len(), 1);
        }
        let held: usize = local.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(held <= SHARDS * SUBJECTS_PER_SHARD_MAX);
        let count = local.count_at(&[busy], 1)[0];
        assert_eq!(count.retry, Duration::from_micros(999_999), "whoever owes most is remembered");
    }

    #[test]
    fn a_request_that_one_class_refuses_is_counted_by_none() {
        let local = Local::default();
        let who = Who::Address(Ipv4Addr::LOCALHOST.into());
        let both = [
            (Subject { class: Class::Address, who }, Limit::new(1, 10)),
            (Subject { class: Class::LogIn, who }, Limit::new(1, 1)),
        ];
        assert!(local.count_at(&both, 0).iter().all(|count| count.retry.is_zero()));
        let counts = local.count_at(&both, 0);
        assert_eq!((counts[0].remaining, counts[0].retry), (9, Duration::ZERO));
        assert_eq!((counts[1].remaining, counts[1].retry), (0, Duration::from_secs(1)));
        assert_eq!(local.count_at(&both[..1], 0)[0].remaining, 8);
    }
}
