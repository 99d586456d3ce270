//! A log as years of scanning leave it: findings that are raised, whose severity changes, and that are closed, in rounds, so
//! that a change meets a finding from long before it.

use std::sync::Arc;

use command_api::appender::{Append, AppendError, Appender, NewEvent, StreamWrite};
use command_api::metrics::AppendMetrics;
use domain::vocabulary::StreamId;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::events::{TENANTS, append, tenant};
use crate::{Failed, Outcome};

/// Streams that one command touches, one event each.
const STREAMS: usize = 10;
const ROUNDS: usize = 10;
const APPENDERS: usize = 2;
const CHANGED: &str = "finding.severity-changed";
const CLOSED: &str = "finding.resolved";
const CLOSED_BODY: &[u8] = br#"{"reason":"Server switched off","at":1767484800000000}"#;

/// A tenant's findings: what is still open, with its version.
#[derive(Default)]
struct Estate {
    open: Vec<(StreamId, i64)>,
    turn: usize,
}

/// Appends `events` of them, six in ten raised, three changed, one closed. Answers how many it were.
pub(crate) async fn fill(writer: &str, events: usize) -> Outcome<usize> {
    let metrics = AppendMetrics::register(&prometheus::Registry::new());
    let (appender, tasks) = Appender::start(&writer.parse()?, APPENDERS, metrics);
    let mut filling = JoinSet::new();
    for number in 0..TENANTS {
        let appender = Arc::new(appender.clone());
        filling.spawn(async move { live(&appender, number, events / TENANTS / STREAMS / ROUNDS).await });
    }
    drop(appender);
    let mut appended = 0;
    while let Some(lived) = filling.join_next().await {
        appended += lived??;
    }
    for task in tasks {
        task.await?;
    }
    Ok(appended)
}

async fn live(appender: &Appender, number: usize, commands_a_round: usize) -> Outcome<usize> {
    let mut estate = Estate::default();
    let mut appended = 0;
    for _ in 0..ROUNDS {
        for turn in 0..commands_a_round {
            let command = match turn % 10 {
                0..=5 => estate.raise(number),
                6..=8 => estate.change(number),
                _ => estate.close(number),
            };
            appended += command.streams.len();
            appender.append(command).await.map_err(|error: AppendError| Failed::from(error))?;
        }
    }
    Ok(appended)
}

impl Estate {
    fn raise(&mut self, number: usize) -> Append {
        let mut command = append(tenant(number), 1);
        while command.streams.len() < STREAMS {
            command.streams.extend(append(tenant(number), 1).streams);
        }
        self.open.extend(command.streams.iter().map(|write| (write.stream, 1)));
        command
    }

    fn change(&mut self, number: usize) -> Append {
        self.turn += 1;
        let severity = ["low", "medium", "high", "critical"][self.turn % 4];
        let body = format!(r#"{{"severity":"{severity}","reason":"Reviewed"}}"#);
        // From somewhere in the middle, a stride that meets all of them in turn.
        let (count, first) = (self.open.len(), self.turn * 7_919);
        let mut streams = vec![];
        for place in (0..STREAMS).map(|step| (first + step) % count) {
            let (stream, version) = &mut self.open[place];
            *version += 1;
            streams.push(after(*stream, *version, CHANGED, body.clone().into_bytes(), true));
        }
        Append { streams, ..append(tenant(number), 1) }
    }

    fn close(&mut self, number: usize) -> Append {
        let oldest: Vec<_> = self.open.drain(..STREAMS).collect();
        let close = |(stream, version)| after(stream, version + 1, CLOSED, CLOSED_BODY.to_vec(), false);
        Append { streams: oldest.into_iter().map(close).collect(), ..append(tenant(number), 1) }
    }
}

fn after(stream: StreamId, version: i64, type_name: &'static str, body: Vec<u8>, open: bool) -> StreamWrite {
    let mut write = append(tenant(0), 1).streams.remove(0);
    write.stream = stream;
    write.expected = version - 1;
    write.index.open = open;
    let meta = write.events.remove(0).meta;
    write.events = vec![NewEvent { id: Uuid::now_v7(), type_name, schema_version: 1, body, meta }];
    write
}
