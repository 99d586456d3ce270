//! The results of the script `vulners`: from its structured tables, or from its printed text where there are none.
//!
//! It never invents a score: a result without one, or with one that is none, stays unscored.

use std::io::BufRead;

use domain::vocabulary::{Cve, CvssScore};

use crate::{
    report::{ParseError, Quarantine},
    xml::{Level, Tag, Xml, line},
};

use super::{TEXT_MAX_BYTES, VULNERS_PER_PORT_MAX, observation::VulnersResult, parser::text};

/// `PACKETSTORM:170001`, `1337DAY-ID-39095`: the longest are far shorter.
const ID_MAX_BYTES: usize = 128;

pub(super) fn is_one(script: Tag<'_>) -> bool {
    script.attribute("id").is_some_and(|id| id.text() == "vulners")
}

/// Reads the script whose tag is the current one.
pub(super) fn read<R: BufRead>(
    xml: &mut Xml<R>,
    found: &mut Vec<VulnersResult>,
    quarantine: &mut Quarantine,
) -> Result<(), ParseError> {
    let tag = xml.tag();
    let (position, level) = (tag.position(), tag.level());
    let output = tag.attribute("output").map(|output| output.text().into_owned());
    let before = found.len();
    let mut into = Results { found, quarantine };
    tables(xml, level, None, &mut into)?;
    if into.found.len() == before {
        printed(&output.unwrap_or_default(), position, &mut into);
    }
    Ok(())
}

struct Results<'a> {
    found: &'a mut Vec<VulnersResult>,
    quarantine: &'a mut Quarantine,
}

/// One entry as it is put together, field by field, in whatever order they come.
#[derive(Default)]
struct Entry {
    id: Option<String>,
    score: Option<String>,
    kind: Option<String>,
    is_exploit: bool,
}

/// A table per product, and in it a table per entry. The walk's depth limit bounds the recursion.
fn tables<R: BufRead>(
    xml: &mut Xml<R>,
    level: Level,
    product: Option<&str>,
    into: &mut Results<'_>,
) -> Result<(), ParseError> {
    while let Some(tag) = xml.child(level)? {
        if tag.name() != "table" {
            continue;
        }
        let (position, inside) = (tag.position(), tag.level());
        let key = tag.attribute("key").and_then(|key| text(&key, TEXT_MAX_BYTES));
        table(xml, inside, position, key.as_deref().or(product), into)?;
    }
    Ok(())
}

fn table<R: BufRead>(
    xml: &mut Xml<R>,
    level: Level,
    position: u64,
    product: Option<&str>,
    into: &mut Results<'_>,
) -> Result<(), ParseError> {
    let mut entry = Entry::default();
    let mut is_entry = false;
    while let Some(tag) = xml.child(level)? {
        let (child, inside) = (tag.position(), tag.level());
        match tag.name() {
            "table" => {
                let key = tag.attribute("key").and_then(|key| text(&key, TEXT_MAX_BYTES));
                table(xml, inside, child, key.as_deref().or(product), into)?;
            }
            "elem" => {
                let key = tag.attribute("key").map(|key| key.line(TEXT_MAX_BYTES));
                let value = line(&xml.text(inside, TEXT_MAX_BYTES)?, TEXT_MAX_BYTES);
                is_entry = true;
                match key.as_deref() {
                    Some("id") => entry.id = Some(value),
                    Some("cvss") => entry.score = Some(value),
                    Some("type") => entry.kind = Some(value),
                    Some("is_exploit") => entry.is_exploit = value == "true",
                    Some(_) | None => {}
                }
            }
            _ => {}
        }
    }
    if is_entry {
        into.add(entry, product, position);
    }
    Ok(())
}

/// The lines a person sees: a product and a colon, below it `id score link [*EXPLOIT*]`.
fn printed(output: &str, position: u64, into: &mut Results<'_>) {
    let mut product = None;
    for printed in output.lines() {
        let mut words = printed.split_whitespace();
        let Some(link_at) = words.clone().position(is_link) else {
            if let Some(name) = printed.trim().strip_suffix(':') {
                product = Some(line(name, TEXT_MAX_BYTES));
            }
            continue;
        };
        let entry = Entry {
            id: words.next().filter(|word| !is_link(word)).map(str::to_owned),
            score: (link_at > 1).then(|| words.next().map(str::to_owned)).flatten(),
            kind: printed.split_whitespace().nth(link_at).and_then(kind_of_link),
            is_exploit: printed.contains("*EXPLOIT*"),
        };
        into.add(entry, product.as_deref(), position);
    }
}

fn is_link(word: &str) -> bool {
    word.starts_with("https://") || word.starts_with("http://")
}

/// `https://vulners.com/cve/CVE-2012-1667` is about a `cve`.
fn kind_of_link(link: &str) -> Option<String> {
    let (_, path) = link.split_once("://vulners.com/")?;
    let (kind, _) = path.split_once('/')?;
    Some(line(kind, TEXT_MAX_BYTES))
}

impl Results<'_> {
    fn add(&mut self, entry: Entry, product: Option<&str>, position: u64) {
        let id = entry.id.unwrap_or_default();
        if id.is_empty() || id.len() > ID_MAX_BYTES || !id.bytes().all(|b| b.is_ascii_graphic()) {
            let reason = format!("'{}' is no name of a weakness", crate::xml::cut(&id, ID_MAX_BYTES));
            self.quarantine.add(position, "vulners", reason);
        } else if self.found.len() >= VULNERS_PER_PORT_MAX {
            let reason = "more results than are read at one port";
            self.quarantine.add(position, "vulners", reason);
        } else {
            self.found.push(VulnersResult {
                id: Cve::parse(&id).map_or(id, |cve| cve.as_str().to_owned()),
                cvss_score: entry.score.as_deref().and_then(score),
                kind: entry.kind.filter(|kind| !kind.is_empty()),
                is_exploit: entry.is_exploit,
                product: product.map(str::to_owned),
            });
        }
    }
}

/// Rounded to a tenth: scores come as `7.5`, `10`, and from some databases as `7.53`.
fn score(text: &str) -> Option<CvssScore> {
    let score = text.parse::<f64>().ok().filter(|score| (0.0..=10.0).contains(score))?;
    CvssScore::from_tenths((score * 10.0).round() as u8).ok()
}
