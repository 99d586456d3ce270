//! What a caller expects of a command beyond its body: `If-Match` and `Idempotency-Key`, read strictly.

use actix_web::http::header::{HeaderMap, IF_MATCH};
use platform::problem::{Code, Problem};

use crate::idempotency::KEY_MAX_CHARS;

/// Both are optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    pub if_match: Option<IfMatch>,
    pub idempotency_key: Option<String>,
}

/// What has to be there for the command to be carried out; else it answers 412.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatch {
    Any,
    /// The version the caller saw.
    Version(i64),
}

impl Expectations {
    pub fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let if_match = single(headers, IF_MATCH.as_str())?.map(if_match_of).transpose()?;
        let idempotency_key = single(headers, "idempotency-key")?.map(key_of).transpose()?;
        Ok(Self { if_match, idempotency_key })
    }

    /// The version expected of a resource that exists.
    pub fn version(&self) -> Option<i64> {
        match self.if_match {
            Some(IfMatch::Version(version)) => Some(version),
            Some(IfMatch::Any) | None => None,
        }
    }
}

fn single<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Problem> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| malformed(format!("{name} is not plain text."))),
        (Some(_), Some(_)) => Err(malformed(format!("{name} is given twice."))),
    }
}

/// `"<version>"` or `"<version>-<hash>"`: the part that says which version. `*` expects any version.
fn if_match_of(text: &str) -> Result<IfMatch, Problem> {
    if text.trim() == "*" {
        return Ok(IfMatch::Any);
    }
    let tag = text.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|tag| !tag.contains('"'));
    let digits = tag.map(|tag| tag.split_once('-').map_or(tag, |(version, _)| version));
    digits
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .map(IfMatch::Version)
        .ok_or_else(|| malformed("If-Match must be one strong ETag of this resource, such as \"7-1f3a\"."))
}

fn key_of(text: &str) -> Result<String, Problem> {
    if text.is_empty() || text.len() > KEY_MAX_CHARS || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(malformed(format!("Idempotency-Key must be 1 to {KEY_MAX_CHARS} visible ASCII characters.")));
    }
    Ok(text.to_owned())
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(Code::MalformedRequest).detail(detail.into())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn read(pairs: &[(&'static str, &'static str)]) -> Result<Expectations, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Expectations::read(&headers)
    }

    #[test]
    fn if_match_compares_the_version_part_alone() {
        assert_eq!(read(&[("if-match", r#""7-1f3a""#)]).unwrap().version(), Some(7));
        assert_eq!(read(&[("if-match", r#""7""#)]).unwrap().version(), Some(7));
        let any = read(&[("if-match", "*")]).unwrap();
        assert_eq!((any.if_match, any.version()), (Some(IfMatch::Any), None));
        assert_eq!(read(&[]).unwrap(), Expectations::default());
    }

    #[test]
    fn a_malformed_if_match_is_a_bad_request() {
        for text in ["7", r#"W/"7-1f3a""#, r#""x-1""#, r#""-7""#, r#""7-1", "8-2""#, r#""99999999999999999999""#, ""] {
            assert_eq!(read(&[("if-match", text)]).unwrap_err().code(), "malformed-request", "{text}");
        }
        assert!(read(&[("if-match", r#""7""#), ("if-match", r#""8""#)]).is_err());
    }

    #[test]
    fn an_idempotency_key_is_visible_ascii_of_bounded_length() {
        assert_eq!(read(&[("idempotency-key", "k-1")]).unwrap().idempotency_key.as_deref(), Some("k-1"));
        assert!(read(&[("idempotency-key", "")]).is_err());
        assert!(read(&[("idempotency-key", "two words")]).is_err());
    }
}
