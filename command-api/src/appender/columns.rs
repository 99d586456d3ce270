//! A batch as the arrays that `store.append` takes, headers included. Never talks to Postgres.

use chrono::{DateTime, Utc};
use domain::decider::ReservationScope;
use domain::vocabulary::{TenantId, Timestamp};
use event_schemas::Header;
use uuid::Uuid;

use super::{Append, Claim, NewEvent, StreamWrite, Waiting};

/// One field per array of `store.append`, named as there.
#[derive(Default)]
pub(super) struct Columns<'a> {
    pub(super) lock: Vec<i16>,
    pub(super) c_partition: Vec<i16>,
    pub(super) c_tenant: Vec<Uuid>,
    pub(super) c_events: Vec<i32>,
    pub(super) k_command: Vec<i32>,
    pub(super) k_key: Vec<&'a [u8]>,
    pub(super) k_fingerprint: Vec<&'a [u8]>,
    pub(super) k_answer: Vec<&'a [u8]>,
    pub(super) s_command: Vec<i32>,
    pub(super) s_stream: Vec<Uuid>,
    pub(super) s_kind: Vec<&'static str>,
    pub(super) s_expected: Vec<i64>,
    pub(super) s_version: Vec<i64>,
    pub(super) s_fold: Vec<i16>,
    pub(super) s_state: Vec<&'a [u8]>,
    pub(super) s_parent: Vec<Option<Uuid>>,
    pub(super) s_lane: Vec<Option<&'a str>>,
    pub(super) s_open: Vec<bool>,
    pub(super) s_due: Vec<Option<DateTime<Utc>>>,
    pub(super) q_command: Vec<i32>,
    pub(super) q_stream: Vec<Uuid>,
    pub(super) q_version: Vec<i64>,
    pub(super) taken: Claims<'a>,
    pub(super) released: Claims<'a>,
    pub(super) n_command: Vec<i32>,
    pub(super) n_name: Vec<&'static str>,
    pub(super) n_delta: Vec<i64>,
    pub(super) n_ceiling: Vec<Option<i64>>,
    pub(super) e_command: Vec<i32>,
    pub(super) e_place: Vec<i32>,
    pub(super) e_stream: Vec<Uuid>,
    pub(super) e_version: Vec<i64>,
    pub(super) e_id: Vec<Uuid>,
    pub(super) e_type: Vec<&'static str>,
    pub(super) e_schema: Vec<i16>,
    pub(super) e_header: Vec<Vec<u8>>,
    pub(super) e_body: Vec<&'a [u8]>,
    pub(super) e_meta: Vec<&'a [u8]>,
}

#[derive(Default)]
pub(super) struct Claims<'a> {
    pub(super) command: Vec<i32>,
    pub(super) tenant: Vec<Uuid>,
    pub(super) key: Vec<&'a str>,
    pub(super) owner: Vec<Uuid>,
}

impl<'a> Columns<'a> {
    /// All of the batch's headers carry the one stamp.
    pub(super) fn of(batch: &'a [Waiting], stamp: Timestamp) -> Self {
        let mut columns = Self::default();
        for (place, waiting) in (1..).zip(batch) {
            columns.command(place, waiting, stamp);
        }
        columns.lock.sort_unstable();
        columns.lock.dedup();
        columns
    }

    fn command(&mut self, place: i32, waiting: &'a Waiting, stamp: Timestamp) {
        let append = &waiting.append;
        self.lock.extend(waiting.locks());
        self.c_partition.push(waiting.partition);
        self.c_tenant.push(append.tenant.uuid());
        if let Some(key) = &append.key {
            self.k_command.push(place);
            self.k_key.push(&key.key);
            self.k_fingerprint.push(&key.fingerprint);
            self.k_answer.push(&key.answer);
        }
        let mut events = 0;
        for stream in &append.streams {
            self.stream(place, stream);
            for (version, event) in (stream.expected + 1..).zip(&stream.events) {
                events += 1;
                self.event(place, events, append, stream, version, event, stamp);
            }
        }
        self.c_events.push(events);
        for condition in &append.conditions {
            self.q_command.push(place);
            self.q_stream.push(condition.stream.uuid());
            self.q_version.push(condition.version);
        }
        self.taken.extend(place, append, &append.take);
        self.released.extend(place, append, &append.release);
        for tally in &append.tallies {
            self.n_command.push(place);
            self.n_name.push(tally.name);
            self.n_delta.push(tally.delta);
            self.n_ceiling.push(tally.ceiling);
        }
    }

    fn stream(&mut self, place: i32, stream: &'a StreamWrite) {
        self.s_command.push(place);
        self.s_stream.push(stream.stream.uuid());
        self.s_kind.push(stream.kind.as_str());
        self.s_expected.push(stream.expected);
        self.s_version.push(version_after(stream));
        self.s_fold.push(stream.fold_version);
        self.s_state.push(&stream.state);
        self.s_parent.push(stream.index.parent.map(|parent| parent.uuid()));
        self.s_lane.push(stream.index.lane.as_deref());
        self.s_open.push(stream.index.open);
        self.s_due.push(stream.index.due_at.map(to_utc));
    }

    #[expect(clippy::too_many_arguments, reason = "an event's row needs its command, its stream and itself")]
    fn event(
        &mut self,
        place: i32,
        nth: i32,
        append: &'a Append,
        stream: &StreamWrite,
        version: i64,
        event: &'a NewEvent,
        stamp: Timestamp,
    ) {
        let (body_len, body_sha256) = Header::of_body(&event.body);
        let header = Header {
            actor: append.actor,
            body_len,
            body_sha256,
            causation: append.causation,
            correlation: append.correlation,
            id: event.id,
            recorded_at: stamp,
            schema_version: event.schema_version,
            stream: stream.stream,
            stream_version: version,
            tenant: append.tenant,
            event_type: event.type_name.to_owned(),
        };
        self.e_command.push(place);
        self.e_place.push(nth);
        self.e_stream.push(stream.stream.uuid());
        self.e_version.push(version);
        self.e_id.push(event.id);
        self.e_type.push(event.type_name);
        self.e_schema.push(event.schema_version);
        self.e_header.push(header.bytes());
        self.e_body.push(&event.body);
        self.e_meta.push(&event.meta);
    }
}

impl<'a> Claims<'a> {
    fn extend(&mut self, place: i32, append: &Append, claims: &'a [Claim]) {
        for claim in claims {
            self.command.push(place);
            self.tenant.push(match claim.reservation.scope {
                ReservationScope::Tenant => append.tenant.uuid(),
                ReservationScope::Deployment => TenantId::DEPLOYMENT.uuid(),
            });
            self.key.push(&claim.reservation.key);
            self.owner.push(claim.owner.uuid());
        }
    }
}

/// A stream's version once its write is in.
pub(super) fn version_after(stream: &StreamWrite) -> i64 {
    stream.expected + i64::try_from(stream.events.len()).unwrap_or(i64::MAX)
}

pub(crate) fn to_utc(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.micros()).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
