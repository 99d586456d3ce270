//! One host from its opening tag to its closing one.
//!
//! It never refuses a host for what one of its parts says: such a part is quarantined with its place and the reason.

use std::io::BufRead;

use domain::vocabulary::{Address, HostName, MacAddress};

use crate::{
    report::{ParseError, Quarantine},
    xml::{Level, Tag, Value, Xml},
};

use super::{
    ADDRESSES_PER_HOST_MAX, CPES_PER_ITEM_MAX, EXTRA_PORTS_PER_HOST_MAX, HOST_MAX_BYTES, HOST_NAMES_PER_HOST_MAX,
    PORTS_PER_HOST_MAX, TEXT_MAX_BYTES,
    observation::{
        ExtraPorts, HostNameKind, HostObservation, HostStatus, Mac, OperatingSystem, PortState, ScannedHostName,
    },
    parser::{text, time},
    port,
};

/// Reads the host whose tag is the current one.
pub(super) fn read<R: BufRead>(xml: &mut Xml<R>) -> Result<HostObservation, ParseError> {
    let tag = xml.tag();
    let level = tag.level();
    let mut host = announced(tag);
    let mut ports_left = HOST_MAX_BYTES;
    while let Some(tag) = xml.child(level)? {
        let child = tag.level();
        match tag.name() {
            "status" => status(&mut host, tag),
            "address" => address(&mut host, tag),
            "hostnames" => host_names(&mut host, xml, child)?,
            "os" => operating_system(&mut host, xml, child)?,
            "ports" => ports(&mut host, &mut ports_left, xml, child)?,
            _ => {}
        }
    }
    if !host.is_identified() {
        let position = host.position;
        host.quarantine.add(position, "host", "no address to know the host by");
    }
    Ok(host)
}

fn announced(tag: Tag<'_>) -> HostObservation {
    HostObservation {
        position: tag.position(),
        // Masscan lists only who answered, and says no more about it.
        status: HostStatus::Up,
        status_reason: None,
        started_at: tag.attribute("starttime").as_ref().and_then(time),
        ended_at: tag.attribute("endtime").as_ref().and_then(time),
        addresses: Vec::new(),
        mac: None,
        host_names: Vec::new(),
        operating_system: None,
        ports: Vec::new(),
        extra_ports: Vec::new(),
        quarantine: Quarantine::default(),
    }
}

fn status(host: &mut HostObservation, tag: Tag<'_>) {
    for (name, value) in tag.attributes() {
        match name {
            "state" => host.status = HostStatus::parse(&value.text()),
            "reason" => host.status_reason = text(&value, TEXT_MAX_BYTES),
            _ => {}
        }
    }
}

fn address(host: &mut HostObservation, tag: Tag<'_>) {
    let (mut address, mut kind, mut vendor) = (String::new(), String::new(), None);
    for (name, value) in tag.attributes() {
        match name {
            "addr" => address = value.line(TEXT_MAX_BYTES),
            "addrtype" => kind = value.line(TEXT_MAX_BYTES),
            "vendor" => vendor = text(&value, TEXT_MAX_BYTES),
            _ => {}
        }
    }
    if kind == "mac" {
        match MacAddress::parse(&address) {
            Ok(address) if host.mac.is_none() => host.mac = Some(Mac { address, vendor }),
            Ok(_) => {}
            Err(reason) => quarantine_address(host, tag, &address, &reason.detail),
        }
        return;
    }
    // A link-local address names the scanner's own interface, which means nothing elsewhere.
    let plain = address.split('%').next().unwrap_or_default();
    match Address::parse(plain) {
        Ok(address) if host.addresses.contains(&address) => {}
        Ok(_) if host.addresses.len() == ADDRESSES_PER_HOST_MAX => {
            quarantine_address(host, tag, &address, "more addresses than one host may have");
        }
        Ok(address) => host.addresses.push(address),
        Err(reason) => quarantine_address(host, tag, &address, &reason.detail),
    }
}

fn quarantine_address(host: &mut HostObservation, tag: Tag<'_>, address: &str, reason: &str) {
    host.quarantine.add(tag.position(), "address", format!("'{address}': {reason}"));
}

fn host_names<R: BufRead>(host: &mut HostObservation, xml: &mut Xml<R>, level: Level) -> Result<(), ParseError> {
    while let Some(tag) = xml.child(level)? {
        if tag.name() != "hostname" {
            continue;
        }
        let name = tag.attribute("name").map(|name| name.line(TEXT_MAX_BYTES)).unwrap_or_default();
        let kind = match tag.attribute("type").as_ref().map(Value::text).as_deref() {
            Some("user") => HostNameKind::User,
            Some("PTR") => HostNameKind::Ptr,
            Some(_) | None => HostNameKind::Other,
        };
        match HostName::parse(&name) {
            Ok(_) if host.host_names.len() == HOST_NAMES_PER_HOST_MAX => {
                host.quarantine.add(tag.position(), "hostname", "more names than one host may have");
            }
            Ok(name) => host.host_names.push(ScannedHostName { name, kind }),
            Err(reason) => {
                let reason = format!("'{name}': {}", reason.detail);
                host.quarantine.add(tag.position(), "hostname", reason);
            }
        }
    }
    Ok(())
}

/// Keeps the first of the most accurate matches. Old versions write the classes beside the matches, new ones inside.
fn operating_system<R: BufRead>(host: &mut HostObservation, xml: &mut Xml<R>, level: Level) -> Result<(), ParseError> {
    while let Some(tag) = xml.child(level)? {
        if tag.name() != "osmatch" {
            continue;
        }
        let accuracy = tag.attribute("accuracy").and_then(|value| value.parse()).unwrap_or(0);
        if host.operating_system.as_ref().is_some_and(|best| best.accuracy >= accuracy) {
            continue;
        }
        let Some(name) = tag.attribute("name").and_then(|name| text(&name, TEXT_MAX_BYTES)) else {
            continue;
        };
        let mut best =
            OperatingSystem { name, accuracy, vendor: None, family: None, device_type: None, cpes: Vec::new() };
        let inside = tag.level();
        while let Some(tag) = xml.child(inside)? {
            if tag.name() == "osclass" {
                let class = tag.level();
                if best.family.is_none() {
                    describe(&mut best, tag);
                }
                cpes(&mut best.cpes, xml, class)?;
            }
        }
        host.operating_system = Some(best);
    }
    Ok(())
}

fn describe(system: &mut OperatingSystem, class: Tag<'_>) {
    for (name, value) in class.attributes() {
        match name {
            "vendor" => system.vendor = text(&value, TEXT_MAX_BYTES),
            "osfamily" => system.family = text(&value, TEXT_MAX_BYTES),
            "type" => system.device_type = text(&value, TEXT_MAX_BYTES),
            _ => {}
        }
    }
}

/// The elements `cpe` below this one, each once.
pub(super) fn cpes<R: BufRead>(into: &mut Vec<String>, xml: &mut Xml<R>, level: Level) -> Result<(), ParseError> {
    while let Some(tag) = xml.child(level)? {
        if tag.name() == "cpe" {
            let inside = tag.level();
            let cpe = crate::xml::line(&xml.text(inside, TEXT_MAX_BYTES)?, TEXT_MAX_BYTES);
            if !cpe.is_empty() && into.len() < CPES_PER_ITEM_MAX && !into.contains(&cpe) {
                into.push(cpe);
            }
        }
    }
    Ok(())
}

fn ports<R: BufRead>(
    host: &mut HostObservation,
    bytes_left: &mut usize,
    xml: &mut Xml<R>,
    level: Level,
) -> Result<(), ParseError> {
    while let Some(tag) = xml.child(level)? {
        let position = tag.position();
        match tag.name() {
            "port" => {
                let Some(port) = port::read(xml, &mut host.quarantine)? else {
                    continue;
                };
                let size = size_of_val(&port) + port::texts_len(&port);
                if host.ports.len() == PORTS_PER_HOST_MAX || size > *bytes_left {
                    let reason = "more ports, or more about them, than is kept of one host";
                    host.quarantine.add(position, "port", reason);
                } else {
                    *bytes_left -= size;
                    host.ports.push(port);
                }
            }
            "extraports" if host.extra_ports.len() < EXTRA_PORTS_PER_HOST_MAX => {
                extra_ports(host, tag);
            }
            _ => {}
        }
    }
    Ok(())
}

fn extra_ports(host: &mut HostObservation, tag: Tag<'_>) {
    let state = tag.attribute("state").and_then(|value| PortState::parse(&value.text()));
    let count = tag.attribute("count").and_then(|value| value.parse());
    match (state, count) {
        (Some(state), Some(count)) => host.extra_ports.push(ExtraPorts { state, count }),
        (None, _) | (_, None) => {
            host.quarantine.add(tag.position(), "extraports", "neither a state nor a count");
        }
    }
}
