//! One organization and everybody in it, as the write side knows them: decides wishes with the domain, appends what was
//! decided, and keeps each stream's state for the next decision. Its time is its own and runs in leaps.

use std::time::Duration;

use command_api::appender::{Append, AppendError, Appender};
use command_api::event_store::Loaded;
use command_api::handle::{Aggregate, Draft};
use domain::api_key::ApiKey;
use domain::device::Device;
use domain::finding::Finding;
use domain::organization::Organization;
use domain::scan::Scan;
use domain::session::Session;
use domain::user::User;
use domain::vocabulary::{StreamId, TenantId, Timestamp};
use event_schemas::{Actor, SubjectKey};
use sealed::{DataKey, KeyId};
use uuid::Uuid;

pub(super) struct World {
    pub(super) tenant: TenantId,
    pub(super) now: Timestamp,
    pub(super) organization: Streams<Organization>,
    pub(super) users: Streams<User>,
    pub(super) sessions: Streams<Session>,
    pub(super) api_keys: Streams<ApiKey>,
    pub(super) devices: Streams<Device>,
    pub(super) findings: Streams<Finding>,
    pub(super) scans: Streams<Scan>,
    pub(super) appender: Appender,
}

/// The streams of one kind, by age.
pub(super) struct Streams<D>(pub(super) Vec<(StreamId, Loaded<D>)>);

impl World {
    pub(super) fn new(tenant: TenantId, appender: Appender) -> Self {
        Self {
            tenant,
            now: appender.clock().now(),
            organization: Streams(vec![]),
            users: Streams(vec![]),
            sessions: Streams(vec![]),
            api_keys: Streams(vec![]),
            devices: Streams(vec![]),
            findings: Streams(vec![]),
            scans: Streams(vec![]),
            appender,
        }
    }

    pub(super) fn leap(&mut self, hours: u64) {
        self.now = self.now.plus(Duration::from_secs(hours * 3_600));
    }
}

impl<D: Aggregate> Streams<D> {
    /// One of them by chance; about every fourth time a new one.
    pub(super) fn pick(&self, which: u8) -> StreamId {
        let known = self.0.get(usize::from(which) % (self.0.len() + 1 + self.0.len() / 3));
        known.map_or_else(|| StreamId::new(Uuid::now_v7()), |(stream, _)| *stream)
    }

    pub(super) fn some(&self, which: u8) -> Option<&(StreamId, Loaded<D>)> {
        self.0.get(usize::from(which) % self.0.len().max(1))
    }

    pub(super) fn state(&self, stream: StreamId) -> D {
        self.0.iter().find(|(known, _)| *known == stream).map_or_else(D::initial, |(_, loaded)| loaded.state.clone())
    }

    /// Decides, and appends what was decided. A refusal, or an address that somebody has, is an answer like any other.
    pub(super) async fn give(
        &mut self,
        stream: StreamId,
        command: D::Command,
        (tenant, now, appender): (TenantId, Timestamp, &Appender),
    ) {
        let known = self.0.iter().position(|(known, _)| *known == stream);
        let fresh = Loaded { version: 0, state: D::initial() };
        let before = known.map_or(&fresh, |index| &self.0[index].1);
        let Ok(events) = before.state.decide(command, now) else { return };
        if events.is_empty() {
            return;
        }
        let mut draft = Draft::new(tenant);
        let key = |_: Uuid| {
            Some(SubjectKey { id: KeyId::new(Uuid::from_u128(7)), key: DataKey::from_bytes(&[7; 32]).unwrap() })
        };
        let version = draft.add(stream, before, &events, &key).unwrap();
        match appender.append(append(tenant, draft)).await {
            Ok(_) => {}
            Err(AppendError::Reserved { .. } | AppendError::CeilingReached { .. }) => return,
            Err(error) => panic!("nobody else writes here: {error}"),
        }
        let state = events.iter().try_fold(before.state.clone(), D::evolve).unwrap();
        match known {
            Some(index) => self.0[index].1 = Loaded { version, state },
            None => self.0.push((stream, Loaded { version, state })),
        }
    }
}

fn append(tenant: TenantId, draft: Draft) -> Append {
    let (streams, take, release, tallies) = draft.into_parts();
    Append {
        tenant,
        actor: Actor::Operator,
        correlation: Uuid::now_v7(),
        causation: None,
        streams,
        conditions: vec![],
        take,
        release,
        tallies,
        key: None,
    }
}
