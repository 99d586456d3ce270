//! What texts say: the five entities and character references resolved, and nothing else, ever.
//!
//! A character that XML does not know (NUL, half a surrogate pair) becomes U+FFFD: a scanner quotes what a server sent,
//! and one odd byte of a banner is no reason to lose the report.

use std::borrow::Cow;

use crate::report::ParseError;

/// `&#x10FFFF;` with some leading zeroes; a longer name is quoted no further.
const REFERENCE_MAX_BYTES: usize = 32;

/// The beginning of a text, whole characters up to this many bytes.
pub(crate) fn cut(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

/// A text made fit for one line: no control characters, no space around it, not too long.
pub(crate) fn line(text: &str, max_bytes: usize) -> String {
    let text = cut(text.trim(), max_bytes);
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let clean: String = text
        .chars()
        .map(|c| match c {
            '\0' => char::REPLACEMENT_CHARACTER,
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    cut(clean.trim(), max_bytes).to_owned()
}

/// A text with its references resolved. They have been checked, so what is none stays as it is.
pub(super) fn resolve(raw: &str) -> Cow<'_, str> {
    let Some((before, rest)) = raw.split_once('&') else {
        return Cow::Borrowed(raw);
    };
    let mut resolved = String::with_capacity(raw.len());
    resolved.push_str(before);
    for piece in rest.split('&') {
        match piece.split_once(';').map(|(name, after)| (character(name), after)) {
            Some((Some(character), after)) => {
                resolved.push(character);
                resolved.push_str(after);
            }
            Some((None, _)) | None => {
                resolved.push('&');
                resolved.push_str(piece);
            }
        }
    }
    Cow::Owned(resolved)
}

pub(super) fn check_references(raw: &str, position: u64) -> Result<(), ParseError> {
    raw.split('&').skip(1).try_for_each(|piece| {
        let Some((name, _)) = piece.split_once(';') else {
            return Err(ParseError::Malformed { position, reason: "a lone '&' in an attribute".to_owned() });
        };
        referenced(name, position).map(drop)
    })
}

/// The character a reference stands for.
pub(super) fn referenced(name: &str, position: u64) -> Result<char, ParseError> {
    character(name).ok_or_else(|| ParseError::Entity { position, name: cut(name, REFERENCE_MAX_BYTES).to_owned() })
}

fn character(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        numeric => {
            let number = numeric.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(digits) => digits_of(digits, 16)?,
                None => digits_of(number, 10)?,
            };
            Some(permitted(number))
        }
    }
}

fn digits_of(digits: &str, radix: u32) -> Option<u32> {
    let well_formed = (1..=REFERENCE_MAX_BYTES).contains(&digits.len()) && digits.chars().all(|c| c.is_digit(radix));
    well_formed.then(|| u32::from_str_radix(digits, radix).unwrap_or(u32::MAX))
}

fn permitted(number: u32) -> char {
    char::from_u32(number)
        .filter(|&c| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}'))
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}
