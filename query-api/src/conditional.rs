//! A resource's strong ETag, `"<stream version>-<hash of the answer>"`, and the 304 that spares sending it again.
//!
//! The version is what a command's `If-Match` compares; the hash tells two answers of one version apart, such as the
//! answers to callers with different rights. A list's tag is weak and known before its page is read
//! ([`crate::versions`]); here it is only compared and sent.

use actix_web::{
    HttpRequest, HttpResponse,
    body::MessageBody,
    http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, VARY},
};
use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// A browser may keep an answer, and must ask before it shows it again: rights may have changed.
const KEEP_PRIVATELY: &str = "private, no-cache";
/// One address answers each caller in its own way.
const BY_CALLER: &str = "Authorization";
/// Bytes of the hash that the tag shows.
const TAG_HASH_BYTES: usize = 8;

/// Answers with the resource, or 304 when the caller already has it.
pub fn answer(request: &HttpRequest, version: i64, resource: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(resource).expect("answers are plain structs with text keys");
    let etag = tag(version, &body);
    if already_held(request.headers(), &etag) {
        return not_modified(&etag);
    }
    ok(Some(etag), body)
}

/// 304 when the caller already has the page with this tag; asked before the page is read.
pub fn held(request: &HttpRequest, tag: Option<&str>) -> Option<HttpResponse> {
    tag.filter(|tag| already_held(request.headers(), tag)).map(not_modified)
}

/// Answers with a page that was kept as it was answered before.
pub fn kept(request: &HttpRequest, tag: String, body: Bytes) -> HttpResponse {
    if already_held(request.headers(), &tag) { not_modified(&tag) } else { ok(Some(tag), body) }
}

/// Answers with a page. Without a tag nobody can ask for it conditionally, and it is not kept.
pub fn page(tag: Option<String>, page: &impl Serialize) -> HttpResponse {
    ok(tag, serde_json::to_vec(page).expect("answers are plain structs with text keys"))
}

fn ok(tag: Option<String>, body: impl MessageBody + 'static) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    if let Some(tag) = tag {
        answer.insert_header((ETAG, tag));
    }
    answer
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, KEEP_PRIVATELY))
        .insert_header((VARY, BY_CALLER))
        .body(body)
}

fn not_modified(tag: &str) -> HttpResponse {
    HttpResponse::NotModified()
        .insert_header((ETAG, tag))
        .insert_header((CACHE_CONTROL, KEEP_PRIVATELY))
        .insert_header((VARY, BY_CALLER))
        .finish()
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
    let etag = etag.strip_prefix("W/").unwrap_or(etag);
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
