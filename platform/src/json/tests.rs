use actix_web::http::header::ContentType;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpResponse, web};
use serde::Deserialize;
use serde_json::Value;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is there to be read into")]
struct Finding {
    title: String,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    severity: Option<Severity>,
    #[serde(default)]
    cvss: Vec<Vector>,
    #[serde(default)]
    metadata: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    High,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is there to be read into")]
struct Vector {
    #[serde(rename = "base/score~")]
    score: u8,
}

/// Status, code of the problem, and code and pointer of its first field.
fn fault(body: &[u8]) -> (u16, String, String, String) {
    let problem = read::<Finding>(body).map(|_| ()).unwrap_err();
    let field = problem.errors().first();
    (
        problem.status().as_u16(),
        problem.code().to_owned(),
        field.map(|field| field.code.to_string()).unwrap_or_default(),
        field.map(|field| field.pointer.clone()).unwrap_or_default(),
    )
}

fn malformed() -> (u16, String, String, String) {
    (400, "malformed-json".to_owned(), String::new(), String::new())
}

fn invalid(code: &str, pointer: &str) -> (u16, String, String, String) {
    (422, "validation-failed".to_owned(), code.to_owned(), pointer.to_owned())
}

#[test]
fn a_sound_body_is_read() {
    let body = br#"{"title":"a \u00e9 \ud83d\ude00 \\u0000","port":443,"severity":"high","cvss":[{"base/score~":9}]}"#;
    assert_eq!(read::<Finding>(body).unwrap().title, "a é 😀 \\u0000");
}

#[test]
fn an_array_is_no_object_even_where_its_values_would_fit() {
    let problem = read::<Finding>(br#"["t", 1]"#).unwrap_err();
    assert_eq!(serde_json::to_value(&problem).unwrap()["errors"][0]["code"], "wrong-type");
    assert!(read::<Option<Vector>>(br#"["x"]"#).is_err());
}

#[test]
fn an_optional_body_that_is_there_is_read() {
    #[derive(Deserialize)]
    struct Note {
        text: String,
    }
    let note: Option<Note> = read(br#"{"text": "fixed"}"#).unwrap();
    assert_eq!(note.unwrap().text, "fixed");
}

#[test]
fn what_is_not_json_is_malformed() {
    for body in [
        b"".as_slice(),
        b"{",
        b"{\"title\":\"a\"} x",
        b"{'title':1}",
        b"{\"title\":\"\xff\"}",
        b"{\"title\":\"\x00\"}",
        b"\xef\xbb\xbf{\"title\":\"a\"}",
        br#"{"title":"\ud800"}"#,
        br#"{"title":"\ud800\u0041"}"#,
        br#"{"title":"\udc00"}"#,
        br#"{"title":"a","metadata":{"x":1e999}}"#,
        br#"{"title":"a","metadata":{"\ud800":1}}"#,
    ] {
        assert_eq!(fault(body), malformed(), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn ten_thousand_brackets_are_malformed_and_no_stack_overflow() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(fault(format!(r#"{{"title":"a","metadata":{deep}}}"#).as_bytes()), malformed());
    assert_eq!(fault(format!(r#"{{"title":"a","unknown":{deep}}}"#).as_bytes()).0, 422);
    assert_eq!(fault("{\"title\":".repeat(10_000).as_bytes()).0, 422);
}

#[test]
fn a_field_that_does_not_fit_is_named_by_its_pointer() {
    assert_eq!(fault(br#"{"title":"a","colour":"red"}"#), invalid("unknown-field", "/colour"));
    assert_eq!(fault(br#"{"title":"a","cvss":[{"base/score~":1},{"x":1}]}"#), invalid("unknown-field", "/cvss/1/x"));
    assert_eq!(fault(br#"{"port":1}"#), invalid("missing-field", "/title"));
    assert_eq!(fault(br#"{"title":"a","cvss":[{}]}"#), invalid("missing-field", "/cvss/0/base~1score~0"));
    assert_eq!(fault(br#"{"title":"a","title":"b"}"#), invalid("duplicate-field", "/title"));
    assert_eq!(fault(br#"{"title":7}"#), invalid("wrong-type", "/title"));
    assert_eq!(fault(br#"{"title":null}"#), invalid("wrong-type", "/title"));
    assert_eq!(fault(br#"{"title":"a","severity":"grave"}"#), invalid("unknown-value", "/severity"));
    assert_eq!(fault(br#"{"title":"a","cvss":[{"base/score~":"9"}]}"#), invalid("wrong-type", "/cvss/0/base~1score~0"));
    assert_eq!(fault(b"[]"), invalid("wrong-type", ""));
    assert_eq!(fault(b"\"text\""), invalid("wrong-type", ""));
}

#[test]
fn a_number_out_of_range_is_invalid_and_not_wrapped() {
    for number in ["65536", "-1", "1.5", "1e5", "18446744073709551616", "99999999999999999999999999"] {
        let body = format!(r#"{{"title":"a","port":{number}}}"#);
        let (status, _, _, pointer) = fault(body.as_bytes());
        assert_eq!((status, pointer.as_str()), (422, "/port"), "{number}");
    }
}

#[test]
fn a_nul_is_refused_wherever_it_hides() {
    assert_eq!(fault(br#"{"title":"a\u0000b"}"#), invalid("nul-character", "/title"));
    assert_eq!(
        fault(br#"{"title":"a","metadata":{"a":["x",{"y":"\u0000"}]}}"#),
        invalid("nul-character", "/metadata/a/1/y")
    );
    assert_eq!(fault(br#"{"title":"a","metadata":{"k\u0000":1}}"#), invalid("nul-character", "/metadata"));
}

#[test]
fn a_fault_never_quotes_without_end() {
    let body = format!(r#"{{"title":"a","{}":1}}"#, "x".repeat(1_000_000));
    let problem = read::<Finding>(body.as_bytes()).map(|_| ()).unwrap_err();
    assert!(serde_json::to_string(&problem).unwrap().len() < 2_000);
}

async fn answer(request: TestRequest) -> (u16, Value) {
    let app = init_service(App::new().route(
        "/",
        web::post().to(|Json(finding): Json<Finding>| async move { HttpResponse::Ok().json(finding.title) }),
    ))
    .await;
    let answer = call_service(&app, request.method(actix_web::http::Method::POST).uri("/").to_request()).await;
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&read_body(answer).await).unwrap())
}

#[actix_web::test]
async fn only_json_is_json() {
    for content_type in ["text/plain", "application/xml", "application/jsonp", "application/json; charset=latin1", ""] {
        let (status, body) =
            answer(TestRequest::default().insert_header(("content-type", content_type)).set_payload("{}")).await;
        assert_eq!((status, body["code"].as_str().unwrap()), (415, "unsupported-media-type"), "{content_type}");
    }
    let (status, _) = answer(TestRequest::default().set_payload("{}")).await;
    assert_eq!(status, 415);
    for content_type in ["application/json", "Application/JSON; charset=\"UTF-8\""] {
        let request =
            TestRequest::default().insert_header(("content-type", content_type)).set_payload(r#"{"title":"a"}"#);
        assert_eq!(answer(request).await, (200, Value::from("a")), "{content_type}");
    }
}

#[actix_web::test]
async fn a_compressed_body_is_refused() {
    let request = TestRequest::default().insert_header(ContentType::json()).insert_header(("content-encoding", "gzip"));
    assert_eq!(answer(request.set_payload("{}")).await.0, 415);
}

#[actix_web::test]
async fn a_body_beyond_the_limit_is_too_large_whether_or_not_it_says_so() {
    let exactly = format!(r#"{{"title":"{}"}}"#, "a".repeat(JSON_MAX_BYTES - r#"{"title":""}"#.len()));
    assert_eq!(exactly.len(), JSON_MAX_BYTES);
    assert_eq!(
        answer(TestRequest::default().insert_header(ContentType::json()).set_payload(exactly.clone())).await.0,
        200
    );
    let (status, body) =
        answer(TestRequest::default().insert_header(ContentType::json()).set_payload(exactly + " ")).await;
    assert_eq!((status, body["code"].as_str().unwrap()), (413, "payload-too-large"));
    let claims =
        TestRequest::default().insert_header(ContentType::json()).insert_header(("content-length", JSON_MAX_BYTES + 1));
    assert_eq!(answer(claims).await.0, 413);
}

#[actix_web::test]
async fn a_client_still_sending_too_much_reads_why_it_was_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = actix_web::HttpServer::new(|| {
        App::new().route("/", web::post().to(|_: Json<Value>| async { HttpResponse::Ok().finish() }))
    })
    .workers(1)
    .disable_signals()
    .bind("127.0.0.1:0")
    .unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);

    let (mut reading, mut writing) = tokio::net::TcpStream::connect(address).await.unwrap().into_split();
    let sending = actix_web::rt::spawn(async move {
        let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut sent = writing.write_all(head.as_bytes()).await;
        for _ in 0..2 * JSON_MAX_BYTES / 0x10000 {
            if sent.is_ok() {
                sent = writing.write_all(format!("10000\r\n{}\r\n", " ".repeat(0x10000)).as_bytes()).await;
            }
        }
        writing
    });
    let mut status = [0; 12];
    reading.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 413");
    drop(reading);
    drop(sending.await.unwrap());
    handle.stop(false).await;
    running.await.unwrap().unwrap();
}
