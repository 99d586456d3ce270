//! What one command writes, gathered stream by stream. It decides nothing and reads nothing: it turns decided events
//! into bytes, and the difference between a state before and after into keys and tallies.

use domain::decider::Reservation;
use domain::vocabulary::{StreamId, TenantId};
use event_schemas::codec::{EncodeError, SubjectKeys};
use event_schemas::{Encoded, SealContext, encode};
use uuid::Uuid;

use super::Aggregate;
use crate::appender::{Claim, NewEvent, StreamWrite, TallyChange};
use crate::error::Error;
use crate::event_store::Loaded;
use crate::origin::MetaSeal;

/// The writes of one command, all of one tenant.
#[derive(Debug, Clone)]
pub struct Draft {
    tenant: TenantId,
    streams: Vec<StreamWrite>,
    take: Vec<Claim>,
    release: Vec<Claim>,
    tallies: Vec<TallyChange>,
}

impl Draft {
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant, streams: Vec::new(), take: Vec::new(), release: Vec::new(), tallies: Vec::new() }
    }

    /// Adds what was decided for one stream and answers the version it then has. No events add nothing.
    pub fn add<D: Aggregate>(
        &mut self,
        stream: StreamId,
        before: &Loaded<D>,
        events: &[D::Event],
        keys: &dyn SubjectKeys,
    ) -> Result<i64, Error> {
        if events.is_empty() {
            return Ok(before.version);
        }
        let after = events.iter().try_fold(before.state.clone(), D::evolve)?;
        self.claims(stream, &before.state.holds(), &after.holds());
        self.tallies(&before.state, &after);
        let events = events.iter().map(|event| self.encoded(stream, event, keys)).collect::<Result<Vec<_>, _>>()?;
        let version = before.version + i64::try_from(events.len()).expect("a command decides a handful of events");
        self.streams.push(StreamWrite {
            stream,
            kind: D::KIND,
            expected: before.version,
            fold_version: D::FOLD_VERSION,
            state: serde_json::to_vec(&after).map_err(|error| Error::Damaged(Box::new(error)))?,
            index: after.index(),
            events,
        });
        Ok(version)
    }

    /// Takes a key that the state itself cannot know, because it is made of personal data.
    pub fn take(&mut self, reservation: Reservation, owner: StreamId) {
        self.take.push(Claim { reservation, owner });
    }

    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Gives each event its meta record, which names the event in its seals.
    pub fn mark(&mut self, seal: &MetaSeal<'_>) -> Result<(), Error> {
        for event in self.streams.iter_mut().flat_map(|stream| &mut stream.events) {
            event.meta = seal.of(event.id)?;
        }
        Ok(())
    }

    pub fn into_parts(self) -> (Vec<StreamWrite>, Vec<Claim>, Vec<Claim>, Vec<TallyChange>) {
        (self.streams, self.take, self.release, self.tallies)
    }

    fn claims(&mut self, owner: StreamId, before: &[Reservation], after: &[Reservation]) {
        let claim = |reservation: &Reservation| Claim { reservation: reservation.clone(), owner };
        self.take.extend(after.iter().filter(|key| !before.contains(key)).map(claim));
        self.release.extend(before.iter().filter(|key| !after.contains(key)).map(claim));
    }

    fn tallies<D: Aggregate>(&mut self, before: &D, after: &D) {
        let (counted, counts) = (before.counts(), after.counts());
        for name in names(&counted, &counts) {
            self.move_tally(name, value(&counts, name).unwrap_or(0) - value(&counted, name).unwrap_or(0), None);
        }
        let (set, ceilings) = (before.ceilings(), after.ceilings());
        for name in names(&set, &ceilings) {
            let ceiling = value(&ceilings, name);
            if ceiling != value(&set, name) {
                self.move_tally(name, 0, ceiling);
            }
        }
    }

    fn move_tally(&mut self, name: &'static str, delta: i64, ceiling: Option<i64>) {
        if let Some(known) = self.tallies.iter_mut().find(|known| known.name == name) {
            known.delta += delta;
            known.ceiling = ceiling.or(known.ceiling);
        } else if delta != 0 || ceiling.is_some() {
            self.tallies.push(TallyChange { name, delta, ceiling });
        }
    }

    fn encoded<E: event_schemas::Recorded>(
        &self,
        stream: StreamId,
        event: &E,
        keys: &dyn SubjectKeys,
    ) -> Result<NewEvent, Error> {
        let id = Uuid::now_v7();
        let encoded = encode(event, &SealContext { tenant: self.tenant, stream, event_id: id, keys })?;
        let Encoded { type_name, schema_version, body } = encoded;
        Ok(NewEvent { id, type_name, schema_version, body, meta: Vec::new() })
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::TooLarge { .. } => Self::TooLarge,
            EncodeError::NoKey(_) | EncodeError::NoRandomness(_) => Self::Keys(Box::new(error)),
            EncodeError::Withheld(_) | EncodeError::Json(_) => Self::Damaged(Box::new(error)),
        }
    }
}

fn names(before: &[(&'static str, i64)], after: &[(&'static str, i64)]) -> Vec<&'static str> {
    let mut names: Vec<_> = before.iter().chain(after).map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn value(list: &[(&'static str, i64)], name: &str) -> Option<i64> {
    list.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}
