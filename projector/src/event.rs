//! An event as the log holds it, decoded once for all projections. One that cannot be decoded is still an event: it has
//! a place, a stream and a tenant, and carries its fault until some projection needs what it says.

use std::error::Error;

use chrono::{DateTime, Utc};
use domain::vocabulary::StreamKind;
use event_schemas::{Decoded, Header, Meta, Written};
use uuid::Uuid;

/// Where an event lies in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub partition: i16,
    pub seq: i64,
}

/// Why an event cannot be applied: a code and the place in question, never a value of the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub String);

impl Fault {
    pub(crate) fn of(error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self(text)
    }
}

/// What an event says.
#[derive(Debug)]
pub(crate) enum Content {
    Written(Written),
    /// The body was erased; that there was an event is all that is left.
    Purged,
}

#[derive(Debug)]
pub(crate) struct Event {
    pub place: Place,
    /// Of the log at that place when it was read. A restore may have given the place to another event since.
    pub epoch: i32,
    pub tenant: Uuid,
    pub stream: Uuid,
    pub version: i64,
    pub id: Uuid,
    pub type_name: String,
    pub recorded_at: DateTime<Utc>,
    /// None for a kind this program does not know.
    pub kind: Option<StreamKind>,
    pub header: Result<Header, Fault>,
    pub content: Result<Content, Fault>,
    pub body: Option<Vec<u8>>,
    pub meta: Option<Vec<u8>>,
}

/// A row of `store.events` and its epoch, or what a record of the topic says of it.
#[derive(Debug)]
pub(crate) struct StoredEvent {
    pub epoch: i32,
    pub partition: i16,
    pub seq: i64,
    pub tenant_id: Uuid,
    pub stream_id: Uuid,
    pub stream_version: i64,
    pub event_id: Uuid,
    pub type_name: String,
    pub schema_version: i16,
    pub recorded_at: DateTime<Utc>,
    pub header: Vec<u8>,
    pub body: Option<Vec<u8>>,
    pub meta: Option<Vec<u8>>,
}

impl From<StoredEvent> for Event {
    fn from(stored: StoredEvent) -> Self {
        let content = match event_schemas::decode(&stored.type_name, stored.schema_version, stored.body.as_deref()) {
            Ok(Decoded::Event(written)) => Ok(Content::Written(written)),
            Ok(Decoded::Purged) => Ok(Content::Purged),
            Err(error) => Err(Fault::of(&error)),
        };
        let kind = stored.type_name.split_once('.').and_then(|(kind, _)| StreamKind::parse(kind).ok());
        Self {
            place: Place { partition: stored.partition, seq: stored.seq },
            epoch: stored.epoch,
            tenant: stored.tenant_id,
            stream: stored.stream_id,
            version: stored.stream_version,
            id: stored.event_id,
            type_name: stored.type_name,
            recorded_at: stored.recorded_at,
            kind,
            header: Header::parse(&stored.header).map_err(|error| Fault::of(&error)),
            content,
            body: stored.body,
            meta: stored.meta,
        }
    }
}

impl Event {
    /// What it says, if anything is left of it. The sieve has kept those with a fault away from projections.
    pub(crate) fn written(&self) -> Option<&Written> {
        match &self.content {
            Ok(Content::Written(written)) => Some(written),
            Ok(Content::Purged) | Err(_) => None,
        }
    }

    /// Who did it.
    pub(crate) fn actor(&self) -> String {
        self.header.as_ref().map(|header| header.actor.to_string()).unwrap_or_default()
    }

    /// The sealed circumstances, where they were recorded and can be read.
    pub(crate) fn meta(&self) -> Option<Meta> {
        self.meta.as_deref().and_then(|bytes| Meta::parse(bytes).ok())
    }
}
