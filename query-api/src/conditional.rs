//! A resource's strong ETag, `"<stream version>-<hash of the answer>"`, and the 304 that spares sending it again.
//!
//! The version is what a command's `If-Match` compares; the hash tells two answers of one version apart, such as the
//! answers to callers with different rights. Lists have no ETag here.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// A browser may keep an answer, and must ask before it shows it again: rights may have changed.
const KEEP_PRIVATELY: &str = "private, no-cache";
/// Bytes of the hash that the tag shows.
const TAG_HASH_BYTES: usize = 8;

/// Answers with the resource, or 304 when the caller already has it.
pub fn answer(request: &HttpRequest, version: i64, resource: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(resource).expect("answers are plain structs with text keys");
    let etag = tag(version, &body);
    if already_held(request.headers(), &etag) {
        return HttpResponse::NotModified()
            .insert_header((ETAG, etag))
            .insert_header((CACHE_CONTROL, KEEP_PRIVATELY))
            .finish();
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((ETAG, etag))
        .insert_header((CACHE_CONTROL, KEEP_PRIVATELY))
        .body(body)
}

fn tag(version: i64, body: &[u8]) -> String {
    use std::fmt::Write;
    let mut tag = format!("\"{version}-");
    for byte in &Sha256::digest(body)[..TAG_HASH_BYTES] {
        write!(tag, "{byte:02x}").expect("writing into a string does not fail");
    }
    tag.push('"');
    tag
}

/// `If-None-Match` compares weakly (RFC 9110, 13.1.2): `W/` does not matter.
fn already_held(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .filter_map(|value: &HeaderValue| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == etag)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn status(if_none_match: &str) -> u16 {
        let request = TestRequest::get().insert_header((IF_NONE_MATCH, if_none_match)).to_http_request();
        answer(&request, 3, &"body").status().as_u16()
    }

    #[test]
    fn the_tag_changes_with_the_version_and_with_the_answer() {
        assert_ne!(tag(1, b"a"), tag(2, b"a"));
        assert_ne!(tag(1, b"a"), tag(1, b"b"));
        assert!(tag(7, b"a").starts_with("\"7-"));
    }

    #[test]
    fn a_caller_who_holds_the_answer_gets_304_however_it_lists_its_tags() {
        let held = tag(3, b"\"body\"");
        for header in [held.clone(), format!("W/{held}"), format!("\"1-00\", {held}"), "*".to_owned()] {
            assert_eq!(status(&header), 304, "{header}");
        }
        assert_eq!(status("\"3-00\""), 200);
    }
}
