//! What may stand before the root: a declaration of UTF-8, a bare document type. All else is named and refused.
//!
//! It never reads a document type's contents; that they are there is reason enough.

use quick_xml::events::BytesDecl;

use crate::report::ParseError;

use super::{cut, source::Source};

/// How much of a strange file is quoted back.
pub(super) const FOUND_MAX_BYTES: usize = 64;
/// How much of the XML reader's own explanation is given; it may quote the document.
pub(super) const REASON_MAX_BYTES: usize = 200;

const ENCODINGS: [&str; 4] = ["utf-8", "utf8", "us-ascii", "ascii"];

pub(super) fn check_declaration(declaration: &BytesDecl<'_>, position: u64) -> Result<(), ParseError> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name)) if ENCODINGS.iter().any(|known| known.eq_ignore_ascii_case(&name)) => Ok(()),
        Some(Ok(name)) => Err(ParseError::Encoding { found: cut(&name, FOUND_MAX_BYTES).to_owned() }),
        Some(Err(error)) => {
            Err(ParseError::Malformed { position, reason: cut(&error.to_string(), REASON_MAX_BYTES).to_owned() })
        }
    }
}

/// A wide encoding shows in the first two bytes, whatever the reader makes of them.
pub(super) fn check_encoding<R>(source: &Source<R>) -> Result<(), ParseError> {
    let wide = [b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<"].iter().any(|mark| source.head().starts_with(*mark));
    if wide {
        let found = "UTF-16".to_owned();
        return Err(ParseError::Encoding { found });
    }
    Ok(())
}

/// `<!DOCTYPE nmaprun>` is harmless and common; whatever is more than a name could be an attack.
pub(super) fn check_document_type(content: &str, position: u64) -> Result<(), ParseError> {
    let mut words = content.split_ascii_whitespace();
    let _name = words.next();
    let part = if content.contains('[') {
        "an internal subset"
    } else if words.next().is_some() {
        "an external identifier"
    } else {
        return Ok(());
    };
    Err(ParseError::DocumentType { position, part })
}

/// There was no element at all: say what was there instead.
pub(super) fn no_root<R>(source: &Source<R>, format: &'static str) -> ParseError {
    let head = source.head();
    if head.trim_ascii().is_empty() {
        ParseError::Empty
    } else if source.looks_like_xml() {
        ParseError::Truncated { position: source.bytes_read() }
    } else {
        other_format(format, head)
    }
}

pub(super) fn other_format(expected: &'static str, begins_with: &[u8]) -> ParseError {
    let printable: String = begins_with
        .trim_ascii()
        .iter()
        .take(FOUND_MAX_BYTES)
        .map(|&byte| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '\u{b7}',
        })
        .collect();
    ParseError::OtherFormat { expected, found: format!("'{printable}'") }
}
