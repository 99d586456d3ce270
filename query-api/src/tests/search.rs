//! Full-text search of findings: what it finds, with what it combines, and whose findings it never shows.

use std::collections::BTreeSet;

use platform::words::tenant_mark;
use serde_json::{Value, json};
use sqlx::Executor;
use uuid::Uuid;

use super::world::{World, get};
use crate::{freshness::partition_of, views::finding_list::SEARCH_FEW_MAX_FINDINGS};

/// Of a word that more findings have than a search sorts.
const MANY: i64 = SEARCH_FEW_MAX_FINDINGS as i64 + 200;
const OTHERS: i64 = 21_000;

async fn found(world: &World, token: &str, query: &str) -> Vec<String> {
    let query = query.replace(' ', "%20").replace('"', "%22");
    let page = world.read(token, &format!("/v1/findings?limit=500&{query}")).await;
    let titles = |page: &Value| {
        page["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
    };
    let titles: Vec<String> = titles(&page);
    assert_eq!(page["total"], json!({"value": titles.len(), "kind": "exact"}), "{query}");
    titles
}

async fn titled(world: &World, tenant: Uuid, titles: &[&str]) {
    world.findings(tenant, titles.len() as i64).await;
    for (number, title) in titles.iter().enumerate() {
        sqlx::query("UPDATE read_g1.findings SET title = $3 WHERE tenant_id = $1 AND title = 'finding ' || $2")
            .bind(tenant)
            .bind((number + 1).to_string())
            .bind(title)
            .execute(&world.admin)
            .await
            .unwrap();
    }
    world.searchable(tenant).await;
}

#[actix_web::test]
async fn findings_are_found_by_words_phrases_beginnings_and_what_they_do_not_say() {
    let world = World::new().await;
    let (tenant, other) = (world.organization("acme").await, world.organization("globex").await);
    let token = world.user(tenant, "viewer").await;
    let titles = [
        "Old OpenSSL on Debian",
        "Old OpenSSL",
        "CVE-2024-6387 in sshd",
        "CVE-2024-6388",
        "pkg:maven/log4j-core@2.14.1",
    ];
    titled(&world, tenant, &titles).await;
    titled(&world, other, &titles).await;
    for (query, numbers) in [
        ("q=openssl", vec![0, 1]),
        ("q=OPENSSL old", vec![0, 1]),
        ("q=\"old openssl\" -debian", vec![1]),
        ("q=\"openssl old\"", vec![]),
        ("q=cve-2024-6387", vec![2]),
        ("q=CVE-2024-6388", vec![3]),
        ("q=cve-2024", vec![2, 3]),
        ("q=cve-2024-63*", vec![2, 3]),
        ("q=cve-2024-638", vec![]),
        ("q=log4j-core", vec![4]),
        ("q=core", vec![4]),
        ("q=log4j-co*", vec![4]),
        ("q=core-log4j", vec![]),
        ("q=2.14.1", vec![4]),
        ("q=opens*", vec![0, 1]),
        ("q=old -openssl", vec![]),
        ("q=nobody", vec![]),
    ] {
        let expected: BTreeSet<&str> = numbers.into_iter().map(|number| titles[number]).collect();
        let found = found(&world, &token, query).await;
        assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected, "{query}");
    }
}

#[actix_web::test]
async fn a_search_combines_with_filters_orders_and_pages() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    world.findings(tenant, 120).await;
    world.searchable(tenant).await;
    assert_eq!(found(&world, &token, "q=finding&severity=critical").await.len(), 20);
    assert_eq!(found(&world, &token, "q=finding&severity=critical&disposition=confirmed").await.len(), 0);
    assert_eq!(found(&world, &token, "q=finding&detected=false&sort=last_change").await.len(), 30);
    assert_eq!(found(&world, &token, "q=finding 17&type=weak-cipher").await, ["finding 17"]);
    for sort in ["severity", "last_change"] {
        let (mut uri, mut pages) = (format!("/v1/findings?q=finding&limit=50&sort={sort}"), Vec::new());
        loop {
            let page = world.read(&token, &uri).await;
            assert_eq!(page["total"]["value"], 120);
            pages.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()));
            let Some(next) = page["next"].as_str() else { break };
            uri = format!("/v1/findings?q=finding&limit=50&sort={sort}&cursor={next}");
        }
        assert_eq!((pages.len(), pages.iter().collect::<BTreeSet<_>>().len()), (120, 120), "{sort}");
    }
    let next = world.read(&token, "/v1/findings?q=finding&limit=50").await["next"].as_str().unwrap().to_owned();
    for other in ["q=findings", "q=finding -x", "severity=high", "q=finding&severity=high"] {
        let answer = world.get(&token, &format!("/v1/findings?{}&cursor={next}", other.replace(' ', "%20"))).await;
        assert_eq!(answer.json()["errors"][0]["code"], "invalid-cursor", "{other}");
    }
}

#[actix_web::test]
async fn a_word_that_very_many_have_is_paged_to_its_end_in_order_and_counted_from_below() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    world.findings(tenant, MANY + OTHERS).await;
    // The worst findings do not have it, so that reading in order finds nothing for long.
    sqlx::query(
        "WITH chosen AS (SELECT finding_id FROM read_g1.findings WHERE tenant_id = $1 ORDER BY severity, finding_id LIMIT $2)
         UPDATE read_g1.findings f SET title = 'Common ' || f.title FROM chosen c WHERE f.finding_id = c.finding_id",
    )
    .bind(tenant)
    .bind(MANY)
    .execute(&world.admin)
    .await
    .unwrap();
    world.searchable(tenant).await;
    world.admin.execute("ANALYZE").await.unwrap();
    for (sort, extra) in [("severity", ""), ("last_change", ""), ("last_change", "&severity=unknown")] {
        let query = format!("/v1/findings?q=common&limit=500&sort={sort}{extra}");
        let (mut uri, mut ids, mut keys) = (query.clone(), BTreeSet::new(), Vec::new());
        loop {
            let page = world.read(&token, &uri).await;
            assert_eq!(page["total"]["kind"], "at_least", "{page}");
            assert_eq!(
                page["total"]["value"],
                if extra.is_empty() { json!(SEARCH_FEW_MAX_FINDINGS) } else { json!(501) }
            );
            for item in page["items"].as_array().unwrap() {
                assert!(item["title"].as_str().unwrap().starts_with("Common"));
                assert!(ids.insert(item["id"].to_string()), "shown twice");
                keys.push(item["last_changed_at"].as_str().unwrap().to_owned());
            }
            let Some(next) = page["next"].as_str() else { break };
            uri = format!("{query}&cursor={next}");
        }
        let unknown = (MANY + OTHERS) / 6;
        assert_eq!(ids.len() as i64, if extra.is_empty() { MANY } else { unknown.min(MANY) }, "{query}");
        assert!(sort == "severity" || keys.is_sorted_by(|earlier, later| earlier >= later));
    }
}

#[actix_web::test]
async fn the_index_answers_for_the_tenant_that_is_set_and_refuses_any_other() {
    let world = World::new().await;
    let (tenant, other) = (world.organization("acme").await, world.organization("globex").await);
    titled(&world, other, &["Secret weakness"]).await;
    let token = world.user(tenant, "viewer").await;
    assert!(found(&world, &token, "q=secret").await.is_empty());
    let query = format!("'{}secret'", tenant_mark(other));
    for setting in [tenant.to_string(), String::new()] {
        let mut tx = world.reader.begin().await.unwrap();
        sqlx::query("SELECT set_config('app.tenant_id', $1, true)").bind(setting).execute(&mut *tx).await.unwrap();
        let answer =
            sqlx::query("SELECT read.search_findings($1, $2, 10)").bind(other).bind(&query).execute(&mut *tx).await;
        assert_eq!(answer.unwrap_err().as_database_error().unwrap().code().as_deref(), Some("42501"));
    }
    let mut tx = world.reader.begin().await.unwrap();
    let answer = sqlx::query("SELECT read.search_findings(NULL, $1, 10)").bind(&query).execute(&mut *tx).await;
    assert_eq!(answer.unwrap_err().as_database_error().unwrap().code().as_deref(), Some("42501"));
}

#[actix_web::test]
async fn a_search_waits_for_its_index_and_a_list_without_one_does_not() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    world.checkpoint(tenant, "findings", 5).await;
    let position = format!("1.{}.5", partition_of(tenant));
    let ask =
        async |uri: &str| world.call(get(&token, uri).insert_header(("x-consistency", position.clone()))).await.status;
    assert_eq!(ask("/v1/findings").await, 200);
    assert_eq!(ask("/v1/findings?q=openssl").await, 425);
    world.checkpoint(tenant, "finding_search", 5).await;
    assert_eq!(ask("/v1/findings?q=openssl").await, 200);
}

#[actix_web::test]
async fn a_question_without_sense_is_a_bad_request_and_none_is_an_error() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "viewer").await;
    let long = format!("q={}", "a".repeat(257));
    for (query, code) in [
        ("q=", "nothing-to-find"),
        ("q=%20", "nothing-to-find"),
        ("q=-tls", "nothing-to-find"),
        ("q=!%26|", "nothing-to-find"),
        ("q=%22tls", "unbalanced-quote"),
        ("q=ab*", "prefix-too-short"),
        (long.as_str(), "too-long"),
        ("q=a&q=b", "repeated"),
    ] {
        let answer = world.get(&token, &format!("/v1/findings?{query}")).await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["code"]), (400, &json!(code)), "{query}");
        assert_eq!(answer.json()["errors"][0]["pointer"], "?q");
    }
    for query in
        ["q=%00tls", "q=a'b%5C", "q=tls%27)%3B--", "q=a:*%26!b", "q=%E8%84%86%E5%BC%B1", "q=tls%00*", "q=%F0%9F%98%80a"]
    {
        assert_eq!(world.get(&token, &format!("/v1/findings?{query}")).await.status, 200, "{query}");
    }
}
