//! What may go into one call together. Never talks to Postgres.
//!
//! A unique violation would kill a whole batch, and two writes to one stream could not both be judged: so a batch holds
//! at most one command per stream, reservation and command key; the next waits for the next batch. A condition may be
//! shared, but not together with a write to its stream.

use std::collections::{HashSet, VecDeque};

use domain::decider::ReservationScope;
use uuid::Uuid;

use super::{Append, Waiting};

/// Commands in one call.
pub(super) const BATCH_COMMANDS_MAX: usize = 512;
/// Events in one call, unless a single command brings more.
pub(super) const BATCH_EVENTS_MAX: usize = 4_096;
/// Bytes of bodies in one call, unless a single command brings more.
pub(super) const BATCH_BODY_BYTES_MAX: usize = 8 << 20;

/// Takes the next batch off the backlog, in order; what collides, or lies in a blocked partition, stays in order.
pub(super) fn take(backlog: &mut VecDeque<Waiting>, blocked: impl Fn(i16) -> bool) -> Vec<Waiting> {
    let mut batch = Vec::new();
    let mut left = VecDeque::new();
    let mut touched = Touched::default();
    let (mut events, mut bytes) = (0, 0);
    while let Some(waiting) = backlog.pop_front() {
        let (more_events, more_bytes) = size(&waiting.append);
        let full = !batch.is_empty()
            && (batch.len() >= BATCH_COMMANDS_MAX
                || events + more_events > BATCH_EVENTS_MAX
                || bytes + more_bytes > BATCH_BODY_BYTES_MAX);
        if full {
            backlog.push_front(waiting);
            break;
        }
        // A command that stays behind still marks what it touches: a later one must not overtake it.
        if touched.collides_then_marks(&waiting.append) || waiting.locks().any(&blocked) {
            left.push_back(waiting);
        } else {
            events += more_events;
            bytes += more_bytes;
            batch.push(waiting);
        }
    }
    while let Some(waiting) = left.pop_back() {
        backlog.push_front(waiting);
    }
    batch
}

fn size(append: &Append) -> (usize, usize) {
    append
        .streams
        .iter()
        .flat_map(|stream| &stream.events)
        .fold((0, 0), |(events, bytes), event| (events + 1, bytes + event.body.len()))
}

#[derive(Default)]
struct Touched {
    written: HashSet<Uuid>,
    conditioned: HashSet<Uuid>,
    reserved: HashSet<(Option<Uuid>, String)>,
    keys: HashSet<[u8; 32]>,
}

impl Touched {
    fn collides_then_marks(&mut self, append: &Append) -> bool {
        let mut collides = false;
        for stream in &append.streams {
            collides |= self.conditioned.contains(&stream.stream.uuid());
            collides |= !self.written.insert(stream.stream.uuid());
        }
        for condition in &append.conditions {
            collides |= self.written.contains(&condition.stream.uuid());
            self.conditioned.insert(condition.stream.uuid());
        }
        for claim in append.take.iter().chain(&append.release) {
            let tenant = match claim.reservation.scope {
                ReservationScope::Tenant => Some(append.tenant.uuid()),
                ReservationScope::Deployment => None,
            };
            collides |= !self.reserved.insert((tenant, claim.reservation.key.clone()));
        }
        if let Some(key) = &append.key {
            collides |= !self.keys.insert(key.key);
        }
        collides
    }
}
