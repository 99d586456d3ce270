//! A walk over XML that cannot be made to eat memory, follow a reference or expand an entity.
//!
//! A caller walks by level: [`Xml::child`] gives the next child of an element and skips whatever was left unread below
//! the one before, so that unknown elements need no code. Only one tag is held at a time.
//!
//! It never resolves anything outside the bytes it is given. A document type with an internal subset or an external
//! identifier ends the walk, and so does a reference to an entity other than the five that XML knows by itself.

mod prolog;
mod source;
mod tag;
#[cfg(test)]
mod tests;
mod text;

use std::io::BufRead;

use quick_xml::{Reader, events::Event};

use crate::report::{Limit, ParseError};

use source::Source;
use tag::Held;
pub(crate) use tag::{Tag, Value};
pub(crate) use text::{cut, line};

/// Deeper than any report nests, shallow enough for recursion.
pub(crate) const DEPTH_MAX_ELEMENTS: u32 = 64;
/// A tag with its attributes, a text or a comment: what is buffered before it can be looked at.
pub(crate) const TOKEN_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// How deep an element lies; the root is at one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Level(u32);

pub(crate) struct Xml<R> {
    reader: Reader<Source<R>>,
    /// What a report that is none is said not to be.
    format: &'static str,
    /// The bytes of the current token, kept between tokens so that reading allocates nothing.
    buffer: Vec<u8>,
    tag: Held,
    text: String,
    /// Where the current token begins, counted in bytes from the start of the report.
    position: u64,
    depth: u32,
    /// `<tag/>` opened and will close with the next step.
    closing: bool,
    root_seen: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Open,
    Close,
    Text,
    End,
}

impl<R: BufRead> Xml<R> {
    pub(crate) fn new(input: R, format: &'static str, report_max_bytes: u64) -> Self {
        Self {
            reader: Reader::from_reader(Source::new(input, report_max_bytes)),
            format,
            buffer: Vec::new(),
            tag: Held::default(),
            text: String::new(),
            position: 0,
            depth: 0,
            closing: false,
            root_seen: false,
        }
    }

    /// The root element, if it is called so.
    pub(crate) fn root(&mut self, name: &str) -> Result<Tag<'_>, ParseError> {
        loop {
            let step = self.step();
            prolog::check_encoding(self.reader.get_ref())?;
            match step? {
                Step::Open => break,
                Step::Text if is_blank(&self.text) => {}
                Step::Text => return Err(prolog::other_format(self.format, self.text.as_bytes())),
                Step::Close | Step::End => {
                    return Err(prolog::no_root(self.reader.get_ref(), self.format));
                }
            }
        }
        self.root_seen = true;
        let tag = self.tag.at(Level(self.depth));
        if tag.name() == name {
            Ok(tag)
        } else {
            Err(ParseError::OtherFormat {
                expected: self.format,
                found: format!("<{}>", cut(tag.name(), prolog::FOUND_MAX_BYTES)),
            })
        }
    }

    /// The next child of the element at this level, or none when it has closed. Texts between children are passed over.
    pub(crate) fn child(&mut self, of: Level) -> Result<Option<Tag<'_>>, ParseError> {
        while self.depth >= of.0 {
            let opened = self.step()? == Step::Open;
            if opened && self.depth == of.0 + 1 {
                return Ok(Some(self.tag.at(Level(self.depth))));
            }
        }
        Ok(None)
    }

    /// The tag that was read last.
    pub(crate) fn tag(&self) -> Tag<'_> {
        self.tag.at(Level(self.depth))
    }

    /// The tag that was read last, if it is a child of the element at this level.
    pub(crate) fn current(&self, of: Level) -> Option<Tag<'_>> {
        (self.depth > of.0).then(|| self.tag())
    }

    /// All text of the element at this level, to its end. What passes `max_bytes` is dropped.
    pub(crate) fn text(&mut self, of: Level, max_bytes: usize) -> Result<String, ParseError> {
        let mut all = String::new();
        while self.depth >= of.0 {
            if self.step()? == Step::Text {
                all.push_str(cut(&self.text, max_bytes - all.len()));
            }
        }
        Ok(all)
    }

    /// After the root has closed: nothing but comments and space may follow.
    pub(crate) fn end(&mut self) -> Result<(), ParseError> {
        loop {
            match self.step()? {
                Step::End => return Ok(()),
                Step::Text if is_blank(&self.text) => {}
                Step::Text | Step::Open | Step::Close => {
                    return Err(ParseError::Malformed {
                        position: self.position,
                        reason: "something follows after the end of the report".to_owned(),
                    });
                }
            }
        }
    }

    fn step(&mut self) -> Result<Step, ParseError> {
        if self.closing {
            self.closing = false;
            self.depth -= 1;
            return Ok(Step::Close);
        }
        loop {
            if let Some(step) = self.token()? {
                return Ok(step);
            }
        }
    }

    /// Reads one token; none if it is one that says nothing, like a comment.
    fn token(&mut self) -> Result<Option<Step>, ParseError> {
        let position = self.reader.buffer_position() + self.reader.get_ref().mark_bytes();
        self.position = position;
        self.buffer.clear();
        self.reader.get_mut().begin_token();
        let event = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => event,
            Err(error) => return Err(self.fault(error)),
        };
        match event {
            Event::Start(tag) => {
                self.tag.hold(&tag, position)?;
                self.depth = deeper(self.depth, position)?;
                Ok(Some(Step::Open))
            }
            Event::Empty(tag) => {
                self.tag.hold(&tag, position)?;
                self.depth = deeper(self.depth, position)?;
                self.closing = true;
                Ok(Some(Step::Open))
            }
            Event::End(_) => {
                self.depth -= 1;
                Ok(Some(Step::Close))
            }
            Event::Text(text) => Ok(replace(&mut self.text, &text)),
            Event::CData(text) => Ok(replace(&mut self.text, &text)),
            Event::GeneralRef(name) => {
                let character = text::referenced(&name, position)?;
                Ok(replace(&mut self.text, character.encode_utf8(&mut [0; 4])))
            }
            Event::Comment(_) | Event::PI(_) => Ok(None),
            Event::Decl(declaration) => prolog::check_declaration(&declaration, position).map(|()| None),
            Event::DocType(content) => prolog::check_document_type(&content, position).map(|()| None),
            Event::Eof if self.depth > 0 => Err(ParseError::Truncated { position }),
            Event::Eof => Ok(Some(Step::End)),
        }
    }

    /// What a failure of the reader means, by what the source of the bytes knows about it.
    fn fault(&self, error: quick_xml::Error) -> ParseError {
        let source = self.reader.get_ref();
        let position = self.position;
        if !self.root_seen && !source.looks_like_xml() {
            prolog::no_root(source, self.format)
        } else if let Some(limit) = source.limit_hit() {
            ParseError::Limit { position, limit }
        } else if let quick_xml::Error::Io(error) = error {
            ParseError::Read(error)
        } else if source.ended() {
            let position = source.bytes_read();
            ParseError::Truncated { position }
        } else {
            let reason = cut(&error.to_string(), prolog::REASON_MAX_BYTES).to_owned();
            ParseError::Malformed { position, reason }
        }
    }
}

fn deeper(depth: u32, position: u64) -> Result<u32, ParseError> {
    if depth < DEPTH_MAX_ELEMENTS {
        return Ok(depth + 1);
    }
    let limit = Limit { most: u64::from(DEPTH_MAX_ELEMENTS), of: "elements inside one another" };
    Err(ParseError::Limit { position, limit })
}

fn replace(held: &mut String, text: &str) -> Option<Step> {
    held.clear();
    held.push_str(text);
    Some(Step::Text)
}

fn is_blank(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim().is_empty()
}
