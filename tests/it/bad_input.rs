//! What no honest client sends: never a 5xx, always a problem with a code, and whoever stands next to it is served.

use acceptance::callers::{Answer, Client, Organization, send};
use acceptance::eventually::see;
use acceptance::server::{Server, Shape};
use futures_util::future::join_all;
use futures_util::stream;
use reqwest::Method;
use serde_json::json;

const MEGABYTE: usize = 1024 * 1024;
const JSON_DEPTH: usize = 10_000;

/// Sends bytes as they are to a creation that would take a finding.
async fn raise(client: &Client, body: impl Into<Vec<u8>>) -> Answer {
    let request = client.request(Method::POST, "/v1/findings").header("content-type", "application/json");
    send(request.body(body.into())).await
}

fn finding_with(member: &str) -> String {
    format!(r#"{{"type":"weakness","title":"Bad","severity":"low",{member}}}"#)
}

#[tokio::test]
async fn what_is_no_json_is_a_bad_request() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let deep_array = "[".repeat(JSON_DEPTH) + &"]".repeat(JSON_DEPTH);
    let deep_object = r#"{"a":"#.repeat(JSON_DEPTH) + "1" + &"}".repeat(JSON_DEPTH);
    let deep_member = finding_with(&format!(r#""metadata":{deep_array}"#));
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"\0".to_vec(),
        format!("{}}}", finding_with(r#""tool":"zap""#)).into(),
        b"{'type':'weakness'}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"{\"title\":\"\xff\xfe\"}".to_vec(),
        b"{\"title\":\"\xed\xa0\x80\"}".to_vec(),
        br#"{"title":"\ud800"}"#.to_vec(),
        br#"{"title":"\udc00\ud800"}"#.to_vec(),
        br#"{"title":"\u12"}"#.to_vec(),
        b"{\"title\":\"raw\x00nul\"}".to_vec(),
        finding_with(r#""cvss_score":NaN"#).into(),
        finding_with(r#""cvss_score":1e999"#).into(),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(raise(&administrator, body).await.expect(400).code(), "malformed-json", "{shown}");
    }
    // They fit no field either; which of the two is told does not matter.
    for body in [deep_array, deep_member, deep_object] {
        let answer = raise(&administrator, body).await;
        assert!([400, 422].contains(&answer.status), "{}", answer.text());
        answer.code();
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused_even_if_its_members_would_fit() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let (administrator, analyst) = (&organization.administrator, organization.analyst().await);
    let finding = raise(administrator, finding_with(r#""tool":"zap""#)).await.expect(201).id();
    let note = format!("/v1/findings/{finding}/note");
    for body in [json!(["a text"]), json!("a text"), json!(7), json!(null)] {
        let answer = analyst.post(&note, body.clone()).await;
        assert!([400, 422].contains(&answer.status), "{body}: {} {}", answer.status, answer.text());
    }
    let role = format!("/v1/users/{}/role", analyst.id);
    let answer = administrator.put(&role, json!(["viewer"])).await;
    assert!([400, 422].contains(&answer.status), "{} {}", answer.status, answer.text());
}

#[tokio::test]
async fn a_field_that_does_not_fit_is_named() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let long = "x".repeat(501);
    let (title, description) = (format!(r#""title":"{long}""#), format!(r#""description":"{}""#, "x".repeat(16_385)));
    let members = [
        ("/port", r#""port":70000"#),
        ("/port", r#""port":-1"#),
        ("/port", r#""port":1.5"#),
        ("/port", r#""port":18446744073709551616"#),
        ("/port", r#""port":"80""#),
        ("/cvss_score", r#""cvss_score":10.1"#),
        ("/cvss_score", r#""cvss_score":-0.1"#),
        ("/cvss_score", r#""cvss_score":9.85"#),
        ("/colour", r#""colour":"red""#),
        ("/cves/1", r#""cves":["CVE-2024-3094","CVE-1"]"#),
        ("/cvss/0", r#""cvss":["CVSS:9"]"#),
        ("/device_id", r#""device_id":"7""#),
        ("/observed_at", r#""observed_at":"yesterday""#),
        ("/component", r#""component":"no purl""#),
        ("/description", r#""description":"a\u0000b""#),
        ("/description", &description),
        ("/metadata/k", r#""metadata":{"k":1}"#),
    ];
    for (pointer, member) in members {
        let answer = raise(&administrator, finding_with(member)).await.expect(422);
        let shown = &member[..member.len().min(60)];
        assert_eq!(
            (answer.code().as_str(), answer.pointers()),
            ("validation-failed", vec![pointer.to_owned()]),
            "{shown}"
        );
    }
    let answer = raise(&administrator, format!(r#"{{"type":"NO TYPE",{title},"severity":"worst"}}"#)).await.expect(422);
    let mut pointers = answer.pointers();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/severity", "/title", "/type"], "all faults at once: {}", answer.text());
    let missing = raise(&administrator, r#"{"type":"weakness","severity":"low"}"#).await.expect(422);
    assert_eq!(missing.pointers(), ["/title"]);
    let twice = raise(&administrator, finding_with(r#""title":"again""#)).await.expect(422);
    assert_eq!(twice.pointers(), ["/title"]);
}

#[tokio::test]
async fn times_and_places_out_of_range_are_named_as_well() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    for time in ["9999-12-31T23:59:59Z", "2262-04-12T00:00:00Z", "+262142-12-31T23:59:59Z", "0000-01-01T00:00:00Z"] {
        let body = finding_with(&format!(r#""observed_at":"{time}""#));
        let answer = raise(&administrator, body).await.expect(422);
        assert_eq!(answer.pointers(), ["/observed_at"], "{time}: {}", answer.text());
    }
    for (latitude, longitude) in [(1e300, 0.0), (90.1, 0.0), (0.0, -180.1), (-1e-400, -1e300)] {
        let device = json!({ "host_name": "h", "latitude": latitude, "longitude": longitude });
        assert_eq!(administrator.post("/v1/devices", device).await.expect(422).code(), "validation-failed");
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_refused_by_its_type() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let body = finding_with(r#""tool":"zap""#);
    let types = [
        None,
        Some("text/plain"),
        Some("application/xml"),
        Some("application/x-www-form-urlencoded"),
        Some("no/type;"),
    ];
    for content_type in types.into_iter().chain([Some("application/json; charset=latin1")]) {
        let mut request = administrator.request(Method::POST, "/v1/findings").body(body.clone());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        assert_eq!(send(request).await.expect(415).code(), "unsupported-media-type", "{content_type:?}");
    }
    let packed = administrator.request(Method::POST, "/v1/findings").header("content-type", "application/json");
    let packed = packed.header("content-encoding", "gzip").body(body);
    assert_eq!(send(packed).await.expect(415).code(), "unsupported-media-type");
}

#[tokio::test]
async fn a_body_of_eleven_megabytes_is_too_large_whether_or_not_it_says_so() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let large = finding_with(&format!(r#""description":"{}""#, "x".repeat(11 * MEGABYTE)));
    assert_eq!(raise(&administrator, large.clone()).await.expect(413).code(), "payload-too-large");
    let chunks: Vec<_> =
        large.into_bytes().chunks(MEGABYTE).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect();
    let request = administrator.request(Method::POST, "/v1/findings").header("content-type", "application/json");
    let answer = send(request.body(reqwest::Body::wrap_stream(stream::iter(chunks)))).await;
    assert_eq!(answer.expect(413).code(), "payload-too-large");
}

#[tokio::test]
async fn what_does_not_exist_is_a_problem_too() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let paths =
        ["/", "/v1", "/v1/", "/v2/findings", "/v1/finding", "/v1/findings/", "/v1/findings/7", "/v1/findings/%00"];
    let odd =
        ["/v1/devices/%ff%fe", "/v1/devices/..%2f..%2fetc", "/docs/nothing.js", "/v1/scans/00000000-0000-0000-0000"];
    // A proxy reads no path that holds a NUL.
    let (status, code) = match server.shape() {
        Shape::Plain => (404, "not-found"),
        Shape::Full => (400, "malformed-request"),
    };
    let expected = |path: &str| if path.contains("%00") { (status, code) } else { (404, "not-found") };
    for path in paths.into_iter().chain(odd) {
        let (status, code) = expected(path);
        assert_eq!(administrator.get(path).await.expect(status).code(), code, "GET {path}");
    }
    for path in
        ["/", "/v1/nothing", "/v1/findings/7/confirm", "/v1/findings/%00/confirm", "/v1/invitations/%ff/confirm"]
    {
        let (status, code) = expected(path);
        assert_eq!(administrator.post_nothing(path).await.expect(status).code(), code, "POST {path}");
    }
}

#[tokio::test]
async fn a_method_that_a_path_has_not_is_answered_with_those_it_has() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let refused = [
        (Method::DELETE, "/v1/findings", "GET, HEAD, POST"),
        (Method::PATCH, "/v1/devices", "GET, HEAD, POST"),
        (Method::POST, "/v1/summary", "GET, HEAD"),
        (Method::GET, "/v1/sessions", "POST"),
        (Method::GET, "/v1/sessions/current", "DELETE"),
        (Method::POST, "/v1/devices/00000000-0000-7000-8000-000000000000/status", "PUT"),
        (Method::DELETE, "/v1/me", "GET, HEAD"),
    ];
    for (method, path, allowed) in refused {
        let answer = send(administrator.request(method.clone(), path)).await.expect(405);
        assert_eq!(
            (answer.header("allow"), answer.code().as_str()),
            (allowed, "method-not-allowed"),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_token_that_is_none_is_answered_as_no_token() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let good = administrator.bearer().to_owned();
    let tampered = format!("{}{}", &good[..good.len() - 2], if good.ends_with("AA") { "BB" } else { "AA" });
    let values = ["Bearer", "Bearer ", "Basic YTpi", "Bearer snk_short", "Bearer a.b.c", "Bearer ü"].map(str::to_owned);
    let known = [format!("Bearer {tampered}"), format!("Bearer {good} {good}"), format!("Token {good}")];
    for value in values.into_iter().chain(known) {
        for (method, path) in [(Method::GET, "/v1/findings"), (Method::POST, "/v1/findings")] {
            let request = server.client().request(method, path).header("authorization", value.as_bytes());
            let answer = send(request).await.expect(401);
            assert_eq!(answer.code(), "authentication-required", "{value}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{value}");
        }
    }
}

#[tokio::test]
async fn bad_commands_among_good_ones_take_none_of_them_along() {
    let server = Server::shared().await;
    let administrator = Organization::found(server).await.administrator;
    let send_one = |index: usize| {
        let client = administrator.client.clone();
        let text = if index.is_multiple_of(5) { r"nul \u0000" } else { "fine" };
        async move { raise(&client, finding_with(&format!(r#""description":"{text}""#))).await }
    };
    let answers = join_all((0..50).map(send_one)).await;
    for (index, answer) in answers.iter().enumerate() {
        assert_eq!(answer.status, if index.is_multiple_of(5) { 422 } else { 201 }, "{}", answer.text());
    }
    for answer in answers.iter().filter(|answer| answer.status == 201) {
        see(&administrator, &format!("/v1/findings/{}", answer.id()), &answer.position()).await.expect(200);
    }
    assert_eq!(administrator.get("/v1/findings").await.expect(200).json()["total"]["value"], 40);
}

#[tokio::test]
async fn every_answer_names_its_request_and_repeats_the_name_it_was_given() {
    let server = Server::shared().await;
    let named = server.client().request(Method::GET, "/v1/findings").header("x-request-id", "night-shift.7");
    let answer = send(named).await.expect(401);
    assert_eq!(
        (answer.header("x-request-id"), &answer.json()["request_id"]),
        ("night-shift.7", &json!("night-shift.7"))
    );
    let spoilt = server.client().request(Method::GET, "/v1/findings").header("x-request-id", "<script>");
    assert!(!send(spoilt).await.expect(401).header("x-request-id").contains('<'));
}
