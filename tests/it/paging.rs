//! Lists: pages visit everything once, whatever arrives meanwhile, and filters and cursors are read strictly.

use std::collections::BTreeSet;

use acceptance::callers::{Client, Organization};
use acceptance::eventually::see;
use acceptance::server::Server;
use serde_json::{Value, json};

/// Everything a list shows, page by page. `between` happens after the first page.
async fn walk(client: &Client, path: &str, between: impl AsyncFnOnce()) -> Vec<Value> {
    let (mut items, mut cursor, mut between) = (Vec::new(), None::<String>, Some(between));
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let page = match &cursor {
            None => client.get(&format!("{path}{joint}limit=3")).await,
            Some(cursor) => client.get(&format!("{path}{joint}limit=3&cursor={cursor}")).await,
        };
        let page = page.expect(200).json();
        let rows = page["items"].as_array().unwrap();
        assert!(rows.len() <= 3, "{path} shows more than it was asked for");
        items.extend(rows.iter().cloned());
        if let Some(between) = between.take() {
            between().await;
        }
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return items,
        }
    }
}

fn ids(items: &[Value]) -> BTreeSet<String> {
    let ids: BTreeSet<_> = items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), items.len(), "something was shown twice");
    ids
}

/// Eleven findings over all severities, with many ties.
async fn eleven_findings(client: &Client) -> BTreeSet<String> {
    let mut made = BTreeSet::new();
    for index in 0..11 {
        let severity = ["critical", "low", "low", "info"][index % 4];
        let body = json!({ "type": "weakness", "title": format!("Number {index}"), "severity": severity });
        made.insert(client.post("/v1/findings", body).await.expect(201).id().to_string());
    }
    made
}

#[tokio::test]
async fn pages_visit_every_finding_once_even_when_others_arrive_meanwhile() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let made = eleven_findings(&analyst).await;
    for path in ["/v1/findings", "/v1/findings?sort=last_change", "/v1/findings?severity=low,critical,info"] {
        let last = analyst.post("/v1/devices", json!({ "host_name": "clock" })).await;
        see(&analyst, path, &last.expect(201).position()).await.expect(200);
        let seen = walk(&analyst, path, async || {
            let body = json!({ "type": "weakness", "title": "Late", "severity": "medium" });
            let late = analyst.post("/v1/findings", body).await.expect(201);
            see(&analyst, "/v1/findings", &late.position()).await.expect(200);
        })
        .await;
        assert!(made.is_subset(&ids(&seen)), "{path} hides some");
        let devices = analyst.get("/v1/devices").await.expect(200).json();
        let clock = devices["items"][0]["id"].as_str().unwrap().to_owned();
        analyst.post_nothing(&format!("/v1/devices/{clock}/retire")).await.expect(200);
    }
}

#[tokio::test]
async fn the_worst_findings_come_first() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    eleven_findings(&analyst).await;
    let last = analyst.post("/v1/devices", json!({ "host_name": "clock" })).await.expect(201);
    see(&analyst, "/v1/findings", &last.position()).await.expect(200);
    let ranks: Vec<_> = walk(&analyst, "/v1/findings", async || ())
        .await
        .iter()
        .map(|item| ["critical", "high", "medium", "low", "info"].iter().position(|s| item["severity"] == **s).unwrap())
        .collect();
    assert!(ranks.is_sorted(), "{ranks:?}");
}

#[tokio::test]
async fn every_other_list_is_walked_to_its_end_as_well() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let administrator = &organization.administrator;
    let mut position = String::new();
    for index in 0..7 {
        administrator.post("/v1/devices", json!({ "host_name": format!("host-{index}") })).await.expect(201);
        administrator.post("/v1/users", json!({ "user": format!("u{index}"), "role": "viewer" })).await.expect(201);
        let key = administrator.post("/v1/api-keys", json!({ "name": format!("key {index}") })).await.expect(201);
        position = key.position();
    }
    for (path, expected) in [("/v1/devices", 7), ("/v1/users", 8), ("/v1/api-keys", 7)] {
        let first = see(administrator, path, &position).await.expect(200).json();
        assert_eq!(first["total"], json!({ "value": expected, "kind": "exact" }), "{path}");
        assert_eq!(ids(&walk(administrator, path, async || ()).await).len(), expected, "{path}");
    }
    see(administrator, "/v1/audit-trail", &position).await.expect(200);
    assert!(ids(&walk(administrator, "/v1/audit-trail", async || ()).await).len() > 22);
}

#[tokio::test]
async fn a_history_is_paged_from_the_first_report_on() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let raised = analyst.post("/v1/findings", json!({ "type": "w", "title": "Noted", "severity": "low" })).await;
    let path = format!("/v1/findings/{}", raised.expect(201).id());
    let mut position = String::new();
    for index in 0..8 {
        let note = json!({ "text": format!("note {index}") });
        position = analyst.post(&format!("{path}/note"), note).await.expect(200).position();
    }
    see(&analyst, &path, &position).await.expect(200);
    let seen = walk(&analyst, &format!("{path}/history"), async || ()).await;
    let versions: Vec<_> = seen.iter().map(|entry| entry["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, (1..=9).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_cursor_of_another_query_or_organization_is_refused() {
    let server = Server::shared().await;
    let (home, away) = (Organization::found(server).await, Organization::found(server).await);
    for organization in [&home, &away] {
        eleven_findings(&organization.administrator).await;
        let last = organization.administrator.post("/v1/devices", json!({ "host_name": "clock" })).await.expect(201);
        see(&organization.administrator, "/v1/findings", &last.position()).await.expect(200);
    }
    let page = home.administrator.get("/v1/findings?limit=3").await.expect(200).json();
    let cursor = page["next"].as_str().unwrap();
    let refused = [
        (&away.administrator, format!("/v1/findings?limit=3&cursor={cursor}")),
        (&home.administrator, format!("/v1/findings?limit=3&severity=low&cursor={cursor}")),
        (&home.administrator, format!("/v1/devices?limit=3&cursor={cursor}")),
        (&home.administrator, format!("/v1/findings?limit=3&cursor={}x", &cursor[..cursor.len() - 1])),
        (&home.administrator, "/v1/findings?cursor=nonsense".to_owned()),
    ];
    for (client, path) in refused {
        assert_eq!(client.get(&path).await.expect(400).code(), "malformed-request", "{path}");
    }
}

#[tokio::test]
async fn filters_find_what_they_say_and_refuse_what_they_do_not_know() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let device = analyst.post("/v1/devices", json!({ "addresses": ["10.0.0.7"] })).await.expect(201).id();
    let wanted = json!({
        "type": "cve", "title": "Wanted", "severity": "high", "device_id": device, "cves": ["CVE-2024-3094"]
    });
    let wanted = analyst.post("/v1/findings", wanted).await.expect(201).id();
    analyst.post("/v1/findings", json!({ "type": "weakness", "title": "Other", "severity": "low" })).await.expect(201);
    let path = format!("/v1/findings/{wanted}");
    analyst.post(&format!("{path}/assign"), json!({ "assignee": analyst.id })).await.expect(200);
    let last = analyst.post_nothing(&format!("{path}/start")).await.expect(200);
    let assignee = format!("assignee={}", analyst.id);
    let device = format!("device={device}");
    let filters = ["severity=high", "cve=CVE-2024-3094", "type=cve", "remediation=in-progress", &assignee, &device];
    for filter in filters {
        let list = see(&analyst, &format!("/v1/findings?{filter}"), &last.position()).await.expect(200).json();
        assert_eq!(list["total"]["value"], 1, "{filter}: {list}");
        assert_eq!(list["items"][0]["id"], json!(wanted), "{filter}");
    }
    for filter in ["detected=true", "disposition=untriaged"] {
        assert_eq!(
            analyst.get(&format!("/v1/findings?{filter}")).await.expect(200).json()["total"]["value"],
            2,
            "{filter}"
        );
    }
    let unknown = ["severity=worst", "severity=", "device=7", "limit=0", "limit=501", "colour=red", "detected=maybe"];
    for filter in unknown.into_iter().chain(["sort=title", "cve=%00", "limit=1&limit=2", "type=%ff"]) {
        let answer = analyst.get(&format!("/v1/findings?{filter}")).await.expect(400);
        assert_eq!(answer.code(), "malformed-request", "{filter}");
    }
}
