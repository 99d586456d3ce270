//! From serde's words to a problem with a pointer: which field, and what is wrong with it.
//!
//! serde has no typed reasons, so its sentences are read here, in this one place, under tests that pin them.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use crate::problem::{Code, Problem, bounded};

/// What cannot be parsed is 400, what parses and does not fit is 422.
pub(super) fn problem(error: &serde_json::Error, path: &Path) -> Problem {
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => malformed(error),
        Category::Data => misfit(&without_place(&error.to_string()), path),
    }
}

pub(super) fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(Code::MalformedJson).detail(format!("{error}."))
}

/// A NUL is legal in JSON and in no text column, and an event that holds one could never be projected.
pub(super) fn refuse_nul(body: &[u8]) -> Result<(), Problem> {
    const ESCAPED: &[u8] = b"\\u0000";
    if !body.windows(ESCAPED.len()).any(|window| window == ESCAPED) {
        return Ok(());
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    match pointer_to_nul(&value) {
        None => Ok(()), // an escaped backslash before the letters u0000
        Some(pointer) => Err(Problem::new(Code::ValidationFailed).field(
            pointer,
            "nul-character",
            "The text must not hold the character NUL (U+0000).",
        )),
    }
}

fn misfit(message: &str, path: &Path) -> Problem {
    let (code, missing) = reason(message);
    let mut pointer = pointer(path);
    if let Some(field) = missing {
        let leads_there =
            path.iter().next_back().is_some_and(|last| matches!(last, Segment::Map { key } if key == field));
        if !leads_there {
            push(&mut pointer, field);
        }
    }
    let detail = bounded(Cow::Owned(format!("{message}."))).into_owned();
    Problem::new(Code::ValidationFailed).field(bounded(Cow::Owned(pointer)), code, detail)
}

/// The code of a serde sentence, and the field's name where serde's path ends at the object that should have it.
fn reason(message: &str) -> (&'static str, Option<&str>) {
    let quoted = |start: &str| message.strip_prefix(start)?.split('`').next();
    if let Some(field) = quoted("unknown field `") {
        return ("unknown-field", Some(field));
    }
    if let Some(field) = quoted("missing field `") {
        return ("missing-field", Some(field));
    }
    if let Some(field) = quoted("duplicate field `") {
        return ("duplicate-field", Some(field));
    }
    let code = match message {
        m if m.starts_with("invalid type") => "wrong-type",
        m if m.starts_with("unknown variant") => "unknown-value",
        m if m.starts_with("invalid length") => "wrong-length",
        _ => "invalid-value",
    };
    (code, None)
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => push(&mut pointer, &index.to_string()),
            Segment::Map { key } => push(&mut pointer, key),
            Segment::Enum { .. } | Segment::Unknown => {} // serde's own layers, not places in the document
        }
    }
    pointer
}

fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

/// serde_json ends its sentences with " at line 1 column 7", which says nothing a pointer does not say better.
fn without_place(message: &str) -> String {
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message.to_owned(),
    }
}

fn pointer_to_nul(value: &Value) -> Option<String> {
    let below = |token: &str, child: &Value| {
        pointer_to_nul(child).map(|rest| {
            let mut pointer = String::new();
            push(&mut pointer, token);
            pointer + &rest
        })
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| below(&index.to_string(), item)),
        Value::Object(fields) => fields
            .iter()
            .find_map(|(name, field)| if name.contains('\0') { Some(String::new()) } else { below(name, field) }),
    }
}
