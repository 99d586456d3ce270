//! Takes secrets out of a text by their shape: scanner keys, bearer tokens, JWTs, password hashes, passwords in URLs.

use std::borrow::Cow;

const REDACTED: &str = "[redacted]";

/// A text that tells a secret's beginning, and whether it stays in the line.
struct Shape {
    start: &'static str,
    keep_start: bool,
    /// What the rest of the secret is made of.
    part: fn(u8) -> bool,
    /// Shorter matches are ordinary words.
    rest_min_bytes: usize,
}

const SHAPES: [Shape; 4] = [
    Shape {
        start: "snk_",
        keep_start: true,
        part: |byte| byte.is_ascii_alphanumeric() || byte == b'_',
        rest_min_bytes: 1,
    },
    Shape { start: "bearer ", keep_start: true, part: is_token, rest_min_bytes: 1 },
    Shape { start: "eyj", keep_start: false, part: is_token, rest_min_bytes: 16 }, // base64 of `{"`
    Shape { start: "$argon2", keep_start: false, part: is_token, rest_min_bytes: 1 },
];

/// The text without its secrets; the same text where it has none.
pub fn redact(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut clean = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        let Some((from, to)) = secret_at(bytes, at) else {
            at += 1;
            continue;
        };
        clean.push_str(&text[copied..from]);
        clean.push_str(REDACTED);
        (copied, at) = (to, to);
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(&text[copied..]);
    Cow::Owned(clean)
}

/// The range to take out, where something secret begins at `at`. Both ends lie on ASCII, so on character borders.
fn secret_at(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    for Shape { start, keep_start, part, rest_min_bytes } in SHAPES {
        let head = bytes.get(at..at + start.len());
        if !head.is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes())) {
            continue;
        }
        let rest = at + start.len();
        let length = bytes[rest..].iter().take_while(|byte| part(**byte)).count();
        if length >= rest_min_bytes {
            return Some((if keep_start { rest } else { at }, rest + length));
        }
    }
    password_in_url(bytes, at)
}

/// `://user:password@`, from behind the colon up to the at sign.
fn password_in_url(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = bytes[at..].strip_prefix(b"://")?;
    let authority = rest.iter().take_while(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'"')).count();
    let end = rest[..authority].iter().rposition(|byte| *byte == b'@')?;
    let colon = rest[..end].iter().position(|byte| *byte == b':')?;
    let from = at + 3 + colon + 1;
    Some((from, at + 3 + end))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=,$:".contains(&byte)
}
