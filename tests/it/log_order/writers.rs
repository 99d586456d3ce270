//! Two processes' appenders, and senders that move streams from version to version through either of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use command_api::appender::{Append, AppendError, Appender, NewEvent, StreamWrite};
use command_api::metrics::AppendMetrics;
use domain::decider::StreamIndex;
use domain::vocabulary::{StreamId, StreamKind, TenantId};
use event_schemas::Actor;
use platform::testing::TestDatabase;
use prometheus::Registry;
use tokio::task::JoinHandle;
use uuid::Uuid;

const SENDERS_PER_TENANT: usize = 4;
const APPENDERS: usize = 2;

pub(super) struct Writers {
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<usize>>,
}

impl Writers {
    pub(super) fn start(database: &TestDatabase, tenants: &[TenantId]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let processes = [appender(database), appender(database)];
        let senders = tenants.iter().flat_map(|tenant| [*tenant; SENDERS_PER_TENANT]);
        let senders = senders.map(|tenant| tokio::spawn(send(tenant, processes.clone(), stop.clone())));
        Self { senders: senders.collect(), stop }
    }

    /// How many events were acknowledged.
    pub(super) async fn finish(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let mut appended = 0;
        for sender in self.senders {
            appended += sender.await.unwrap();
        }
        appended
    }
}

pub(super) fn appender(database: &TestDatabase) -> Appender {
    let options = database.url("writer").parse().unwrap();
    Appender::start(&options, APPENDERS, AppendMetrics::register(&Registry::new())).0
}

/// One stream after another, each two versions long at most, so that new ones come between; by turns over both processes.
async fn send(tenant: TenantId, processes: [Appender; 2], stop: Arc<AtomicBool>) -> usize {
    let (mut stream, mut version, mut appended) = (Uuid::now_v7(), 0, 0);
    while !stop.load(Ordering::Relaxed) {
        let events = 1 + appended % 3;
        let append = append(tenant, stream, version, events);
        match processes[appended % processes.len()].append(append).await {
            Ok(_) => {
                appended += events;
                version += i64::try_from(events).unwrap();
                if version > 12 {
                    (stream, version) = (Uuid::now_v7(), 0);
                }
            }
            // Nothing was written: its turn comes again.
            Err(AppendError::Overloaded | AppendError::Unavailable) => {}
            Err(error) => panic!("nobody else writes to this stream: {error}"),
        }
    }
    appended
}

fn append(tenant: TenantId, stream: Uuid, expected: i64, events: usize) -> Append {
    let event = || NewEvent {
        id: Uuid::now_v7(),
        type_name: "finding.noted",
        schema_version: 1,
        body: br#"{"text":"seen"}"#.to_vec(),
        meta: b"{}".to_vec(),
    };
    let write = StreamWrite {
        stream: StreamId::new(stream),
        kind: StreamKind::Finding,
        expected,
        fold_version: 1,
        state: b"{}".to_vec(),
        index: StreamIndex::default(),
        events: std::iter::repeat_with(event).take(events).collect(),
    };
    Append {
        tenant,
        actor: Actor::Operator,
        correlation: Uuid::now_v7(),
        causation: None,
        streams: vec![write],
        conditions: vec![],
        take: vec![],
        release: vec![],
        tallies: vec![],
        key: None,
    }
}
