//! One port: its state, its service, what scripts found there.
//!
//! It never keeps a script's output but that of `vulners`.

use std::io::BufRead;

use domain::vocabulary::{Port, Protocol};

use crate::{
    report::{ParseError, Quarantine},
    xml::{Level, Tag, Value, Xml},
};

use super::{
    SCRIPTS_PER_PORT_MAX, TEXT_MAX_BYTES, host,
    observation::{PortObservation, PortState, Service},
    parser::text,
    vulners,
};

/// Reads the port whose tag is the current one, or quarantines it.
pub(super) fn read<R: BufRead>(
    xml: &mut Xml<R>,
    quarantine: &mut Quarantine,
) -> Result<Option<PortObservation>, ParseError> {
    let tag = xml.tag();
    let (position, level) = (tag.position(), tag.level());
    let identity = identity(tag);
    let mut state = Err("no state".to_owned());
    let mut reason = None;
    let mut service = None;
    let mut found = Vec::new();
    let mut scripts = 0;
    while let Some(tag) = xml.child(level)? {
        let child = tag.level();
        match tag.name() {
            "state" => {
                state = state_of(tag);
                reason = tag.attribute("reason").and_then(|value| text(&value, TEXT_MAX_BYTES));
            }
            "service" => service = Some(Box::new(read_service(xml, child)?)),
            "script" => {
                scripts += 1;
                if scripts == SCRIPTS_PER_PORT_MAX + 1 {
                    quarantine.add(tag.position(), "script", "more scripts than are read at one port");
                }
                if scripts <= SCRIPTS_PER_PORT_MAX && vulners::is_one(tag) {
                    vulners::read(xml, &mut found, quarantine)?;
                }
            }
            _ => {}
        }
    }
    match (identity, state) {
        (Ok((protocol, port)), Ok(state)) => {
            Ok(Some(PortObservation { protocol, port, state, reason, service, vulners: found }))
        }
        (Err(reason), _) | (_, Err(reason)) => {
            quarantine.add(position, "port", reason);
            Ok(None)
        }
    }
}

/// What the texts of a port take in memory, about.
pub(super) fn texts_len(port: &PortObservation) -> usize {
    let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let service = port.service.as_ref().map_or(0, |service| {
        size_of::<Service>()
            + [&service.name, &service.product, &service.version, &service.extra_info, &service.tunnel]
                .into_iter()
                .map(len)
                .sum::<usize>()
            + service.cpes.iter().map(|cpe| size_of::<String>() + cpe.len()).sum::<usize>()
    });
    let vulners: usize = port
        .vulners
        .iter()
        .map(|found| size_of_val(found) + found.id.len() + len(&found.kind) + len(&found.product))
        .sum();
    len(&port.reason) + service + vulners
}

fn identity(tag: Tag<'_>) -> Result<(Protocol, Port), String> {
    let line = |value: Value<'_>| value.line(TEXT_MAX_BYTES);
    let protocol: String = tag.attribute("protocol").map(line).unwrap_or_default();
    let number: String = tag.attribute("portid").map(line).unwrap_or_default();
    let protocol = Protocol::parse(&protocol).map_err(|_| format!("'{protocol}' is no protocol"))?;
    let port = number.parse().map_err(|_| format!("'{number}' is no port number from 0 to 65535"))?;
    Ok((protocol, Port::new(port)))
}

fn state_of(tag: Tag<'_>) -> Result<PortState, String> {
    let state = tag.attribute("state").map(|value| value.line(TEXT_MAX_BYTES)).unwrap_or_default();
    PortState::parse(&state).ok_or_else(|| format!("'{state}' is no state of a port"))
}

fn read_service<R: BufRead>(xml: &mut Xml<R>, level: Level) -> Result<Service, ParseError> {
    let mut service = Service::default();
    for (name, value) in xml.tag().attributes() {
        match name {
            "name" => service.name = text(&value, TEXT_MAX_BYTES),
            "product" => service.product = text(&value, TEXT_MAX_BYTES),
            "version" => service.version = text(&value, TEXT_MAX_BYTES),
            "extrainfo" => service.extra_info = text(&value, TEXT_MAX_BYTES),
            "tunnel" => service.tunnel = text(&value, TEXT_MAX_BYTES),
            "method" => service.probed = value.text() == "probed",
            _ => {}
        }
    }
    host::cpes(&mut service.cpes, xml, level)?;
    Ok(service)
}
