//! Single resources: what they show, their ETags, and HEAD.

use actix_web::test::TestRequest;

use super::world::{ANY_DEVICE, ANY_FINDING, ANY_SCAN, World, get};

#[actix_web::test]
async fn an_answer_already_held_is_not_sent_again_until_it_changes() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    world.devices(tenant, 1).await;
    world.findings(tenant, 1).await;
    world.scans(tenant, None, 1).await;
    let device = world.any_id(ANY_DEVICE, tenant).await;
    let finding = world.any_id(ANY_FINDING, tenant).await;
    let scan = world.any_id(ANY_SCAN, tenant).await;
    for (uri, version) in [
        (format!("/v1/devices/{device}"), 2),
        (format!("/v1/findings/{finding}"), 4),
        (format!("/v1/scans/{scan}"), 1),
        ("/v1/organization".to_owned(), 3),
    ] {
        let first = world.get(&token, &uri).await;
        let etag = first.header("etag").unwrap().to_owned();
        assert!(etag.starts_with(&format!("\"{version}-")), "{uri}: {etag}");
        assert_eq!(first.header("cache-control"), Some("private, no-cache"));
        let again = world.call(get(&token, &uri).insert_header(("if-none-match", etag.clone()))).await;
        assert_eq!((again.status, again.bytes.len()), (304, 0), "{uri}");
        assert_eq!(again.header("etag"), Some(etag.as_str()));
    }
    let uri = format!("/v1/devices/{device}");
    let held = world.get(&token, &uri).await.header("etag").unwrap().to_owned();
    sqlx::query("UPDATE read_g1.devices SET version = 3, status = 'down'").execute(&world.admin).await.unwrap();
    let changed = world.call(get(&token, &uri).insert_header(("if-none-match", held))).await;
    assert_eq!((changed.status, &changed.json()["status"]), (200, &"down".into()));
}

#[actix_web::test]
async fn a_finding_shows_its_state_its_status_and_its_score_to_one_decimal() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    world.findings(tenant, 1).await;
    sqlx::query(
        "UPDATE read_g1.findings SET cvss_score_tenths = 98, disposition = 'accepted', detected = true,
             acceptance_until = '2027-01-01T00:00:00Z', acceptance_reason = 'behind a firewall',
             metadata_json = '{\"owner\": \"net\"}', cves = ARRAY['CVE-2024-6387']",
    )
    .execute(&world.admin)
    .await
    .unwrap();
    let finding = world.any_id(ANY_FINDING, tenant).await;
    let shown = world.read(&token, &format!("/v1/findings/{finding}")).await;
    assert_eq!(shown["cvss_score"], 9.8);
    assert_eq!(shown["status"], "suppressed");
    assert_eq!(shown["disposition"], "accepted");
    assert_eq!(shown["acceptance"]["until"], "2027-01-01T00:00:00Z");
    assert_eq!(shown["metadata"]["owner"], "net");
    assert_eq!(shown["cves"][0], "CVE-2024-6387");
    assert_eq!(shown["version"], 4);
}

#[actix_web::test]
async fn a_findings_history_reads_from_its_first_report_on() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    world.findings(tenant, 1).await;
    let finding = world.any_id(ANY_FINDING, tenant).await;
    sqlx::query(
        "INSERT INTO read_g1.finding_history (tenant_id, finding_id, version, recorded_at, actor, type, detail_json,
             partition, seq)
         SELECT $1, $2, n, now(), 'operator', 'finding.noted', '{\"text\":\"' || n || '\"}', 0, n
         FROM generate_series(1, 5) AS n",
    )
    .bind(tenant)
    .bind(finding)
    .execute(&world.admin)
    .await
    .unwrap();
    let uri = format!("/v1/findings/{finding}/history?limit=3");
    let first = world.read(&token, &uri).await;
    assert_eq!((&first["items"][0]["version"], &first["total"]["value"]), (&1.into(), &5.into()));
    assert_eq!(first["items"][2]["detail"]["text"], "3");
    let rest = world.read(&token, &format!("{uri}&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((&rest["items"][1]["version"], &rest["next"]), (&5.into(), &serde_json::Value::Null));
}

#[actix_web::test]
async fn head_answers_like_get() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    for uri in ["/v1/organization", "/v1/devices", "/docs/", "/openapi/query-api.json"] {
        let bearer = ("authorization", format!("Bearer {token}"));
        let head = TestRequest::default().method(actix_web::http::Method::HEAD).uri(uri).insert_header(bearer);
        let (head, answer) = (world.call(head).await, world.get(&token, uri).await);
        assert_eq!(head.status, 200, "{uri}");
        assert_eq!(head.header("etag"), answer.header("etag"), "{uri}");
    }
}

#[actix_web::test]
async fn methods_that_change_something_do_not_exist_here() {
    let world = World::new().await;
    for uri in ["/v1/devices", "/docs", "/docs/", "/docs/index.css", "/openapi/query-api.json"] {
        let answer = world.call(TestRequest::post().uri(uri)).await;
        assert_eq!((answer.status, &answer.json()["code"]), (405, &"method-not-allowed".into()), "{uri}");
    }
}

#[actix_web::test]
async fn a_parameter_nobody_knows_is_refused_on_every_route() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "administrator").await;
    for path in ["me", "organization", "users", "api-keys", "devices", "findings", "scans", "summary", "audit-trail"] {
        let answer = world.get(&token, &format!("/v1/{path}?colour=red")).await;
        assert_eq!(answer.status, 400, "{path}");
        let error = &answer.json()["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&"?colour".into(), &"unknown-parameter".into()), "{path}");
    }
}
