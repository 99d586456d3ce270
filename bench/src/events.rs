//! What the loads append: the same realistic event for the limit and for the store, so that their rows are alike.

use std::sync::LazyLock;

use command_api::appender::{Append, NewEvent, StreamWrite};
use domain::decider::StreamIndex;
use domain::vocabulary::{StreamId, StreamKind, TenantId, partition_of};
use event_schemas::{Actor, Header};
use uuid::Uuid;

/// Tenants that the loads spread over, unless one is said to be hot.
pub(crate) const TENANTS: usize = 64;
/// A finding's snapshot, about as long as a real one.
const STATE_BYTES: usize = 260;
pub(crate) const TYPE_NAME: &str = "finding.raised";

/// A raised finding as an Nmap report gives it: what most of a log is made of.
pub(crate) static BODY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    br#"{"device":"01900000-0000-7000-8000-000000000031","type":"open-port","title":"Open port 443/tcp (https)","severity":"info","cves":[],"cvss":[],"tool":"nmap","protocol":"tcp","port":443,"metadata":{"product":"nginx"},"identity":{"version":1,"digest":"689f6a627384c7dcb2dcc1487e540223e77bdf9dcd0d8be8a326eda65b0ce9a4"},"observed_at":1767225600000000}"#.to_vec()
});
static META: &[u8] = br#"{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}"#;

/// A row of the bare table.
pub(crate) struct Row {
    pub partition: i16,
    pub tenant: Uuid,
    pub stream: Uuid,
    pub id: Uuid,
    pub type_name: &'static str,
    pub header: Vec<u8>,
    pub body: Vec<u8>,
    pub meta: Vec<u8>,
}

/// Tenants are named by number, so that a run can be repeated.
pub(crate) fn tenant(number: usize) -> TenantId {
    TenantId::new(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("tenant {}", number % TENANTS).as_bytes()))
}

pub(crate) fn row(tenant: TenantId) -> Row {
    let (stream, id) = (Uuid::now_v7(), Uuid::now_v7());
    let (body_len, body_sha256) = Header::of_body(&BODY);
    let header = Header {
        actor: Actor::Operator,
        body_len,
        body_sha256,
        causation: None,
        correlation: id,
        id,
        recorded_at: domain::vocabulary::Timestamp::from_micros(1_764_000_000_000_000),
        schema_version: 1,
        stream: StreamId::new(stream),
        stream_version: 1,
        tenant,
        event_type: TYPE_NAME.into(),
    };
    Row {
        partition: i16::from(partition_of(tenant)),
        tenant: tenant.uuid(),
        stream,
        id,
        type_name: TYPE_NAME,
        header: header.bytes(),
        body: BODY.clone(),
        meta: META.to_vec(),
    }
}

/// A command that starts one new stream with `events` events.
pub(crate) fn append(tenant: TenantId, events: usize) -> Append {
    let event = || NewEvent {
        id: Uuid::now_v7(),
        type_name: TYPE_NAME,
        schema_version: 1,
        body: BODY.clone(),
        meta: META.to_vec(),
    };
    Append {
        tenant,
        actor: Actor::Operator,
        correlation: Uuid::now_v7(),
        causation: None,
        streams: vec![StreamWrite {
            stream: StreamId::new(Uuid::now_v7()),
            kind: StreamKind::Finding,
            expected: 0,
            fold_version: 1,
            state: vec![b'x'; STATE_BYTES],
            index: StreamIndex { parent: None, lane: Some("nmap".into()), open: true, due_at: None },
            events: (0..events).map(|_| event()).collect(),
        }],
        conditions: Vec::new(),
        take: Vec::new(),
        release: Vec::new(),
        tallies: Vec::new(),
        key: None,
    }
}
