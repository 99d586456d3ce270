//! The one tag that is held: its name and attributes, checked once when it is read.
//!
//! It never owns an attribute's value; who wants to keep one makes a text of it.

use std::{borrow::Cow, str::FromStr};

use quick_xml::events::BytesStart;

use crate::report::{Limit, ParseError};

use super::{Level, cut, prolog::REASON_MAX_BYTES, text};

/// More than any element of a report has.
pub(crate) const ATTRIBUTES_PER_TAG_MAX: usize = 64;
/// Element and attribute names.
pub(crate) const NAME_MAX_BYTES: usize = 128;
/// A script's output is the longest there is.
pub(crate) const ATTRIBUTE_MAX_BYTES: usize = 1024 * 1024;

/// A copy of the current tag, so that the reader can go on without it.
#[derive(Default)]
pub(super) struct Held {
    content: String,
    name_len: usize,
    position: u64,
}

/// An element that has just opened.
#[derive(Clone, Copy)]
pub(crate) struct Tag<'a> {
    held: &'a Held,
    level: Level,
}

/// An attribute's value as it is written, references and all.
pub(crate) struct Value<'a>(Cow<'a, str>);

impl Held {
    /// Takes a tag over, if its attributes keep within the limits and refer to nothing.
    pub(super) fn hold(&mut self, tag: &BytesStart<'_>, position: u64) -> Result<(), ParseError> {
        check(tag, position)?;
        self.content.clear();
        self.content.push_str(tag);
        self.name_len = tag.name().0.len();
        self.position = position;
        Ok(())
    }

    pub(super) const fn at(&self, level: Level) -> Tag<'_> {
        Tag { held: self, level }
    }
}

impl<'a> Tag<'a> {
    pub(crate) fn name(&self) -> &'a str {
        self.held.content.get(..self.held.name_len).unwrap_or_default()
    }

    pub(crate) const fn level(&self) -> Level {
        self.level
    }

    /// Where the tag begins, counted in bytes from the start of the report.
    pub(crate) const fn position(&self) -> u64 {
        self.held.position
    }

    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        let mut attributes = quick_xml::events::attributes::Attributes::new(&self.held.content, self.held.name_len);
        attributes.with_checks(false);
        attributes.filter_map(Result::ok).map(|attribute| (attribute.key.0, Value(attribute.value)))
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<Value<'a>> {
        self.attributes().find_map(|(key, value)| (key == name).then_some(value))
    }
}

impl Value<'_> {
    /// What the value says, with its references resolved.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        text::resolve(&self.0)
    }

    /// What the value says as one clean line.
    pub(crate) fn line(&self, max_bytes: usize) -> String {
        text::line(&self.text(), max_bytes)
    }

    pub(crate) fn parse<T: FromStr>(&self) -> Option<T> {
        self.text().trim().parse().ok()
    }
}

fn check(tag: &BytesStart<'_>, position: u64) -> Result<(), ParseError> {
    within(tag.name().0.len(), NAME_MAX_BYTES, "bytes in a name", position)?;
    let mut attributes = tag.attributes();
    let mut count = 0;
    for attribute in attributes.with_checks(false) {
        let attribute = attribute.map_err(|error| ParseError::Malformed {
            position,
            reason: cut(&error.to_string(), REASON_MAX_BYTES).to_owned(),
        })?;
        count += 1;
        within(count, ATTRIBUTES_PER_TAG_MAX, "attributes in a tag", position)?;
        within(attribute.key.0.len(), NAME_MAX_BYTES, "bytes in a name", position)?;
        within(attribute.value.len(), ATTRIBUTE_MAX_BYTES, "bytes in an attribute", position)?;
        text::check_references(&attribute.value, position)?;
    }
    Ok(())
}

fn within(size: usize, most: usize, of: &'static str, position: u64) -> Result<(), ParseError> {
    if size <= most {
        return Ok(());
    }
    let limit = Limit { most: most as u64, of };
    Err(ParseError::Limit { position, limit })
}
