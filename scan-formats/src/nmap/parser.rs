//! The run as a whole: its beginning, its hosts one after another, its end.
//!
//! It never holds more than the host it is reading, and after an error it yields nothing more.

use std::io::BufRead;

use domain::vocabulary::{Protocol, Timestamp};

use crate::{
    report::ParseError,
    xml::{Level, Tag, Value, Xml},
};

use super::{
    FORMAT, LONG_TEXT_MAX_BYTES, REPORT_MAX_BYTES, SCOPES_PER_RUN_MAX, TEXT_MAX_BYTES, host,
    observation::{Exit, Finished, Record, ScanScope, Started},
};

/// Reads a report as an iterator over its records.
pub struct Parser<R> {
    xml: Xml<R>,
    place: Place,
}

enum Place {
    Beginning,
    /// The run has announced itself up to its first host, whose tag has been read.
    Announced(Level),
    Inside(Level),
    Over,
}

impl<R: BufRead> Parser<R> {
    pub fn new(reader: R) -> Self {
        Self { xml: Xml::new(reader, FORMAT, REPORT_MAX_BYTES), place: Place::Beginning }
    }

    fn record(&mut self) -> Result<Option<Record>, ParseError> {
        let (run, announced) = match self.place {
            Place::Beginning => return self.begin().map(|started| Some(Record::Started(started))),
            Place::Over => return Ok(None),
            Place::Announced(run) => (run, true),
            Place::Inside(run) => (run, false),
        };
        self.place = Place::Inside(run);
        let mut child = if announced { self.xml.current(run) } else { self.xml.child(run)? };
        while let Some(tag) = child {
            match tag.name() {
                "host" => return host::read(&mut self.xml).map(|host| Some(Record::Host(host))),
                "runstats" => {
                    return finished(&mut self.xml).map(|end| Some(Record::Finished(end)));
                }
                _ => child = self.xml.child(run)?,
            }
        }
        self.xml.end()?;
        self.place = Place::Over;
        Ok(None)
    }

    fn begin(&mut self) -> Result<Started, ParseError> {
        let root = self.xml.root("nmaprun")?;
        let run = root.level();
        let mut started = announced(root);
        while let Some(tag) = self.xml.child(run)? {
            match tag.name() {
                "scaninfo" if started.scopes.len() < SCOPES_PER_RUN_MAX => {
                    started.scopes.push(scope(tag));
                }
                "host" | "runstats" => break,
                _ => {}
            }
        }
        self.place = Place::Announced(run);
        Ok(started)
    }
}

impl<R: BufRead> Iterator for Parser<R> {
    type Item = Result<Record, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.record();
        if record.is_err() {
            self.place = Place::Over;
        }
        record.transpose()
    }
}

/// Nmap writes times in whole seconds since 1970.
pub(super) fn time(value: &Value<'_>) -> Option<Timestamp> {
    let micros = value.parse::<i64>()?.checked_mul(1_000_000)?;
    Timestamp::parse_micros(micros).ok()
}

/// A text worth keeping, or none.
pub(super) fn text(value: &Value<'_>, max_bytes: usize) -> Option<String> {
    Some(value.line(max_bytes)).filter(|text| !text.is_empty())
}

fn announced(root: Tag<'_>) -> Started {
    let mut started =
        Started { scanner: "nmap".to_owned(), version: None, args: None, started_at: None, scopes: Vec::new() };
    for (name, value) in root.attributes() {
        match name {
            "scanner" => started.scanner = value.line(TEXT_MAX_BYTES),
            "version" => started.version = text(&value, TEXT_MAX_BYTES),
            "args" => started.args = text(&value, LONG_TEXT_MAX_BYTES),
            "start" => started.started_at = time(&value),
            _ => {}
        }
    }
    started
}

fn scope(tag: Tag<'_>) -> ScanScope {
    let mut scope = ScanScope { technique: String::new(), protocol: None, ports: None, services: None };
    for (name, value) in tag.attributes() {
        match name {
            "type" => scope.technique = value.line(TEXT_MAX_BYTES),
            "protocol" => scope.protocol = Protocol::parse(&value.text()).ok(),
            "numservices" => scope.ports = value.parse(),
            "services" => scope.services = text(&value, LONG_TEXT_MAX_BYTES),
            _ => {}
        }
    }
    scope
}

fn finished<R: BufRead>(xml: &mut Xml<R>) -> Result<Finished, ParseError> {
    let mut finished = Finished { finished_at: None, hosts_up: 0, hosts_down: 0, exit: Exit::Unstated };
    let level = xml.tag().level();
    while let Some(tag) = xml.child(level)? {
        match tag.name() {
            "finished" => {
                finished.finished_at = tag.attribute("time").as_ref().and_then(time);
                finished.exit = exit(tag);
            }
            "hosts" => {
                let count = |name| tag.attribute(name).and_then(|value| value.parse());
                finished.hosts_up = count("up").unwrap_or(0);
                finished.hosts_down = count("down").unwrap_or(0);
            }
            _ => {}
        }
    }
    Ok(finished)
}

fn exit(tag: Tag<'_>) -> Exit {
    match tag.attribute("exit").as_ref().map(Value::text).as_deref() {
        None => Exit::Unstated,
        Some("success") => Exit::Success,
        Some(_) => {
            Exit::Error(tag.attribute("errormsg").map(|message| message.line(TEXT_MAX_BYTES)).unwrap_or_default())
        }
    }
}
