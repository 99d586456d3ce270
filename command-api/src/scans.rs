//! A scanner's report from the network to the log: streamed, parsed on a thread of its own, applied host by host while
//! it still arrives. Ids follow from what was seen, so a report sent again completes what is missing and changes nothing
//! else. It keeps no report and closes no finding. Of a report's command line it keeps nothing either, which may hold
//! passwords; what the scan was to cover is declared by whoever sends it.

mod body;
mod device;
mod host;
mod prior;
mod report;
mod room;
pub mod scope;
mod tally;

use std::io::{self, BufReader};
use std::thread;

use actix_web::dev::Payload;
use domain::scan::{Command, Hosts, Record as ScanRecord, Refusal, Scan, Scope};
use domain::vocabulary::{Label, ScanId, Sha256, TenantId, Timestamp, ToolVersion};
use event_schemas::Actor;
use futures_util::future::{try_join, try_join_all};
use platform::problem::{Code, Problem};
use scan_formats::nmap::{HostObservation, Parser, Record, Started, TOOL};
use scan_formats::report::ParseError;
use tokio::sync::{mpsc, oneshot};

use self::host::{Import, Seen};
use self::prior::Prior;
use crate::error::Error;
use crate::handle::{Done, Handler, Order, Start};
use crate::idempotency::Idempotency;
use crate::origin::Origin;

pub use body::{BodyError, Passed, SCAN_MAX_BYTES, drain, pass};
pub use room::{IMPORTS_MAX, IMPORTS_PER_TENANT_MAX, NO_PLACE_RETRY_AFTER_SECONDS, Place, Room};
pub use tally::{SetAside, Tally};

/// Hosts that are applied at once: enough for the appender to batch, few enough to leave room for others.
const HOSTS_IN_FLIGHT: usize = 16;
/// Ports of the hosts that are applied at once. This bounds the memory that a report of huge hosts can take.
const PORTS_IN_FLIGHT: usize = 8_192;
/// Groups of records between parser and appender: one is read while one is applied.
const GROUPS_WAITING: usize = 1;

/// A report that was applied to its end.
pub struct Imported {
    pub passed: Passed,
    pub tally: Tally,
    run: Run,
}

/// Why a report was not. What was applied before stands, and the tally says what that is.
pub struct Interrupted {
    pub cause: Cause,
    pub tally: Tally,
}

pub enum Cause {
    Body(BodyError),
    Report(ParseError),
    Ours(Error),
}

/// What the report says of its run.
struct Run {
    version: Option<String>,
    observed_at: Timestamp,
}

/// Applies a report while it arrives. When the client's connection breaks or stands idle, what was read until then is
/// applied, and nothing more is read.
pub async fn import(
    handler: &Handler,
    tenant: TenantId,
    origin: &Origin,
    payload: &mut Payload,
    place: &Place,
) -> Result<Imported, Interrupted> {
    let (sender, reader) = body::pipe();
    let (groups, mut parsed) = mpsc::channel(GROUPS_WAITING);
    let mut tally = Tally::default();
    let parser = match parse(reader, groups, place.clone()) {
        Ok(parser) => parser,
        Err(error) => return Err(Interrupted { cause: Cause::Ours(no_thread(&error)), tally }),
    };
    let mut run = Run { version: None, observed_at: handler.now() };
    // A fault of ours ends the pump. A broken body only ends the parser: what it had read is applied and told.
    let pumped = async { Ok::<_, Error>(body::pump(payload, sender).await) };
    let outcome = try_join(pumped, apply_all(handler, tenant, origin, &mut parsed, &mut run, &mut tally)).await;
    drop(parsed);
    let outcome = match outcome {
        Ok((Ok(passed), ())) => match parser.await {
            Ok(Ok(())) => Ok(passed),
            Ok(Err(error)) => Err(Cause::Report(error)),
            Err(error) => Err(Cause::Ours(Error::Damaged(Box::new(error)))),
        },
        Ok((Err(error), ())) => Err(Cause::Body(error)),
        Err(error) => Err(Cause::Ours(error)),
    };
    if let Err(Cause::Body(BodyError::TooLarge) | Cause::Ours(Error::Refused { .. })) = &outcome {
        drain(payload, SCAN_MAX_BYTES).await;
    }
    match outcome {
        Ok(passed) => Ok(Imported { passed, tally, run }),
        Err(cause) => Err(Interrupted { cause, tally }),
    }
}

/// Records that the report was read to its end. The same bytes of the same sender are the same scan, however often they
/// are sent, and what was declared and counted first stands. People are one sender, each scanner key is one of its own.
pub async fn record(
    handler: &Handler,
    tenant: TenantId,
    origin: &Origin,
    imported: &Imported,
    hosts: Hosts,
    key: Option<Idempotency>,
) -> Result<Done, Error> {
    let tool = Label::parse(TOOL).map_err(|invalid| Error::Damaged(Box::new(invalid)))?;
    let sha256 = Sha256::new(imported.passed.sha256);
    let scan = match origin.actor {
        Actor::ApiKey(sender) => ScanId::natural_of_key(tenant, sender, &tool, &sha256),
        Actor::User(_) | Actor::Operator | Actor::Timer | Actor::Scan | Actor::Anonymous => {
            ScanId::natural(tenant, &tool, &sha256)
        }
    };
    let command = Command::Record(ScanRecord {
        tool_version: imported.run.version.as_deref().and_then(|version| ToolVersion::parse(version).ok()),
        lane: tool.clone(),
        tool,
        scope: Scope { devices: imported.tally.hosts_up, hosts },
        sha256,
        bytes: imported.passed.bytes,
        observed_at: imported.run.observed_at,
        counts: imported.tally.counts(),
    });
    let order: Order<'_, Scan> = Order {
        tenant,
        stream: scan.into(),
        command,
        start: Start::New,
        version: None,
        key,
        extra: Some(imported.tally.kept()),
        origin,
    };
    handler.execute(order).await
}

/// The parser blocks while it waits for bytes, so it has a thread of its own, not one of tokio's: those hash passwords,
/// and an upload that stands idle must keep nobody from logging in. Each thread holds a place, of which there are few.
fn parse(
    reader: body::Reader,
    groups: mpsc::Sender<Vec<Record>>,
    place: Place,
) -> io::Result<oneshot::Receiver<Result<(), ParseError>>> {
    let (ended, end) = oneshot::channel();
    thread::Builder::new().name("report-parser".to_owned()).spawn(move || {
        let outcome = read_records(reader, &groups);
        // The order matters: whoever waits for the end of the groups then asks how it ended and gives the place back.
        drop(groups);
        drop(place);
        // Nobody may be waiting any more.
        let _ = ended.send(outcome);
    })?;
    Ok(end)
}

/// Hands on records in groups that can be applied together; what was read before an error is handed on, too.
fn read_records(reader: body::Reader, groups: &mpsc::Sender<Vec<Record>>) -> Result<(), ParseError> {
    let mut group = Vec::new();
    let mut weight = 0;
    let mut ended = Ok(());
    for record in Parser::new(BufReader::new(reader)) {
        match record {
            Ok(record) => {
                weight += weight_of(&record);
                group.push(record);
            }
            Err(error) => ended = Err(error),
        }
        let full = group.len() >= HOSTS_IN_FLIGHT || weight >= PORTS_IN_FLIGHT;
        if full && groups.blocking_send(std::mem::take(&mut group)).is_err() {
            return ended;
        }
        weight = if full { 0 } else { weight };
    }
    // Nobody may be listening any more, who then knows why.
    let _ = groups.blocking_send(group);
    ended
}

fn no_thread(error: &io::Error) -> Error {
    tracing::error!(%error, "a report could not be read: the system gave no thread for its parser");
    Problem::new(Code::Overloaded).retry_after(NO_PLACE_RETRY_AFTER_SECONDS).into()
}

/// What a record takes to keep and to apply, in ports: each result at a port counts like one.
fn weight_of(record: &Record) -> usize {
    match record {
        Record::Host(host) => host.ports.iter().map(|port| 1 + port.vulners.len()).sum(),
        Record::Started(_) | Record::Finished(_) => 0,
    }
}

async fn apply_all(
    handler: &Handler,
    tenant: TenantId,
    origin: &Origin,
    groups: &mut mpsc::Receiver<Vec<Record>>,
    run: &mut Run,
    tally: &mut Tally,
) -> Result<(), Error> {
    while let Some(group) = groups.recv().await {
        let mut hosts = Vec::with_capacity(group.len());
        for record in group {
            match record {
                Record::Started(started) => begin(run, started, handler.now())?,
                Record::Finished(finished) => run.observed_at = finished.finished_at.unwrap_or(run.observed_at),
                Record::Host(host) => {
                    tally.set_aside(&host.quarantine);
                    hosts.extend(host.has_answered().then_some(host));
                }
            }
        }
        tally.hosts_up = tally.hosts_up.saturating_add(u32::try_from(hosts.len()).unwrap_or(u32::MAX));
        let import = Import { handler, tenant, origin, observed_at: run.observed_at };
        apply_together(&import, hosts, tally).await?;
    }
    Ok(())
}

/// The start comes before every host, so a report of a fast clock is refused before anything of it is applied.
fn begin(run: &mut Run, started: Started, now: Timestamp) -> Result<(), Error> {
    run.version = started.version;
    run.observed_at = started.started_at.unwrap_or(run.observed_at);
    match run.observed_at.is_in_the_future_at(now) {
        true => Err(Error::refused(&Refusal::ObservedInFuture)),
        false => Ok(()),
    }
}

/// What is known of all of these hosts is read together; then each is applied by itself.
async fn apply_together(import: &Import<'_>, hosts: Vec<HostObservation>, tally: &mut Tally) -> Result<(), Error> {
    let mut seen = Vec::with_capacity(hosts.len());
    for host in hosts {
        match Seen::of(host, import.observed_at) {
            Some(host) => seen.push(host),
            None => tally.refuse("no-identifier", 1),
        }
    }
    let prior = Prior::read(import, &seen).await?;
    let applied = try_join_all(seen.iter().map(|host| host::apply(import, host, &prior))).await?;
    applied.iter().for_each(|applied| tally.add(applied));
    Ok(())
}
