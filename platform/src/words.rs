//! The words of a text, for whoever writes an index of them and for whoever looks them up in it: both must cut alike.
//!
//! * Case and the accents of Latin, Greek and Cyrillic do not matter (`Café` is `cafe`); nothing is stemmed and no word
//!   is too common to be found.
//! * Whatever is no letter or digit ends a word: `org.apache.log4j/log4j-core` is five words in a row.
//! * A CVE name is one word, found also by its year (`cve-2024`) and as `cve`; a version or an address (`2.14.1`,
//!   `10.0.0.7`) is one word. Chinese and Japanese characters are a word each, because nobody puts spaces between them.
//!
//! It knows no SQL and no tenant's data, and keeps nothing.

#[cfg(test)]
mod tests;

use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

/// What a longer word is cut to, in the index and in the question alike.
pub const WORD_MAX_BYTES: usize = 64;
/// Enough of a tenant's random bits to keep two tenants' words apart in one index.
const TENANT_MARK_DIGITS: usize = 6;

/// A word, and what else it is found by at the same place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub also: Vec<String>,
}

/// The words in their order. Each holds lower-case letters, digits, and between digits `.` or `-`: nothing that a query
/// language would have to have escaped.
pub fn words(text: &str) -> Vec<Word> {
    let pieces = pieces(text);
    let mut words = Vec::new();
    let mut rest = pieces.as_slice();
    while let [first, ..] = rest {
        let (word, taken) = cve(rest).or_else(|| version(rest)).unwrap_or_else(|| (Word::plain(&first.text), 1));
        words.push(word);
        rest = &rest[taken..];
    }
    words
}

/// What a tenant's words begin with in an index that many tenants share. It keeps their lists apart, no more: whoever
/// reads the index compares the tenant itself.
pub fn tenant_mark(tenant: Uuid) -> String {
    let digits = tenant.simple().to_string();
    digits[digits.len() - TENANT_MARK_DIGITS..].to_owned()
}

/// Letters and digits in a row, and the one character that ties them to those before, if it is one.
#[derive(Debug)]
struct Piece {
    text: String,
    tie: Option<char>,
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut between = Vec::new();
    let mut text_now = String::new();
    let mut tie = None;
    let is_accent = |character: &char| ('\u{300}'..='\u{36f}').contains(character);
    for character in text.nfkd().filter(|character| !is_accent(character)).flat_map(char::to_lowercase) {
        if character.is_alphanumeric() {
            if text_now.is_empty() {
                tie = if let [alone] = between.as_slice() { Some(*alone) } else { None };
                between.clear();
            }
            text_now.push(character);
            if !stands_alone(character) {
                continue;
            }
        } else if between.len() < 2 {
            between.push(character);
        }
        if !text_now.is_empty() {
            pieces.push(Piece { text: std::mem::take(&mut text_now), tie });
        }
    }
    if !text_now.is_empty() {
        pieces.push(Piece { text: text_now, tie });
    }
    pieces
}

/// Characters of scripts that are written without spaces.
fn stands_alone(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// `cve-<year>-<number>`, or as much of it as there is.
fn cve(pieces: &[Piece]) -> Option<(Word, usize)> {
    let tied = |piece: &Piece| matches!(piece.tie, Some('-' | '_')) && is_number(&piece.text);
    let [cve, year, rest @ ..] = pieces else { return None };
    if cve.text != "cve" || year.text.len() != 4 || !tied(year) {
        return None;
    }
    let of_year = format!("cve-{}", year.text);
    Some(match rest {
        [number, ..] if tied(number) => {
            let text = cut(&format!("{of_year}-{}", number.text));
            (Word { text, also: vec![of_year, "cve".to_owned()] }, 3)
        }
        [] | [_, ..] => (Word { text: of_year, also: vec!["cve".to_owned()] }, 2),
    })
}

/// Numbers tied by dots, with or without a `v` before them.
fn version(pieces: &[Piece]) -> Option<(Word, usize)> {
    let first = pieces.first()?;
    let first = first.text.strip_prefix('v').unwrap_or(&first.text);
    let more = pieces[1..].iter().take_while(|piece| piece.tie == Some('.') && is_number(&piece.text)).count();
    if more == 0 || !is_number(first) {
        return None;
    }
    let text = pieces[1..=more].iter().fold(first.to_owned(), |text, piece| text + "." + &piece.text);
    Some((Word::plain(&text), more + 1))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(WORD_MAX_BYTES)].to_owned()
}

impl Word {
    fn plain(text: &str) -> Self {
        Self { text: cut(text), also: Vec::new() }
    }
}
