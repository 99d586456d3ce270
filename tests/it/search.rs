//! Searching findings from outside: what was raised is found as soon as its position is waited for, and by nobody else.

use acceptance::callers::{Client, Organization, send};
use acceptance::eventually::see;
use acceptance::server::Server;
use reqwest::Method;
use serde_json::{Value, json};

fn titles(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect()
}

async fn raise(client: &Client, title: &str) -> String {
    let body = json!({
        "type": "vulnerability", "title": title, "severity": "high", "cves": ["CVE-2024-6387"], "rule": title, "tool": "zap",
        "description": "The daemon answers with an outdated banner.", "component": "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"
    });
    client.post("/v1/findings", body).await.expect(201).position()
}

#[tokio::test]
async fn what_was_raised_is_found_by_all_it_says_once_its_position_is_reached() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let position = raise(&analyst, "Old sshd").await;
    for query in [
        "q=sshd",
        "q=OLD%20sshd",
        "q=%22outdated%20banner%22",
        "q=cve-2024-6387",
        "q=cve-2024",
        "q=log4j-core",
        "q=apache",
        "q=org.apache.log*",
        "q=2.14.1",
        "q=sshd%20-telnet",
        "q=sshd&severity=high&cve=CVE-2024-6387",
    ] {
        let page = see(&analyst, &format!("/v1/findings?{query}"), &position).await.expect(200).json();
        assert_eq!(titles(&page), ["Old sshd"], "{query}");
        assert_eq!(page["total"], json!({ "value": 1, "kind": "exact" }), "{query}");
    }
    for query in ["q=telnet", "q=cve-2024-6388", "q=%22banner%20outdated%22", "q=sshd%20-banner", "q=sshd&severity=low"]
    {
        let page = see(&analyst, &format!("/v1/findings?{query}"), &position).await.expect(200).json();
        assert!(titles(&page).is_empty(), "{query}");
    }
}

#[tokio::test]
async fn a_search_finds_nothing_of_another_organization() {
    let server = Server::shared().await;
    let (home, away) = (Organization::found(server).await, Organization::found(server).await);
    let (they, we) = (away.analyst().await, home.analyst().await);
    let theirs = raise(&they, "Uncommonword theirs").await;
    let ours = raise(&we, "Uncommonword ours").await;
    see(&away.administrator, "/v1/findings?q=uncommonword", &theirs).await.expect(200);
    let page = see(&home.administrator, "/v1/findings?q=uncommonword", &ours).await.expect(200).json();
    assert_eq!(titles(&page), ["Uncommonword ours"]);
}

#[tokio::test]
async fn whatever_is_typed_is_answered_or_refused_and_never_an_error() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    for (query, status) in [
        ("q=", 400),
        ("q=-x", 400),
        ("q=%22", 400),
        ("q=a*", 400),
        ("q=%00", 400),
        ("q=a&q=b", 400),
        ("q=a%00b", 200),
        ("q=%27%27%27%5C%5Cx", 200),
        ("q=x%27)%20OR%201%3D1--", 200),
        ("q=a%20%26%20!b", 200),
        ("q=%EF%BC%B3%EF%BC%B1%EF%BC%AC", 200),
        ("q=%D8%B3%D9%84%D8%A7%D9%85", 200),
        ("q=x%20-y%20-%22z%20w%22%20abc*", 200),
    ] {
        assert_eq!(analyst.get(&format!("/v1/findings?{query}")).await.status, status, "{query}");
    }
}

#[tokio::test]
async fn a_list_is_not_sent_again_until_a_command_changes_it() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    let position = raise(&analyst, "First").await;
    for path in ["/v1/findings", "/v1/findings?q=first", "/v1/findings?severity=high"] {
        let held = see(&analyst, path, &position).await.expect(200).header("etag").to_owned();
        assert!(held.starts_with("W/"), "{path}: {held}");
        let ask = || send(analyst.request(Method::GET, path).header("if-none-match", held.clone()));
        assert!(ask().await.expect(304).body.is_empty(), "{path}");
        let position = raise(&analyst, &format!("Another first {path}")).await;
        let changed = see(&analyst, path, &position).await.expect(200);
        assert_ne!(changed.header("etag"), held, "{path}");
        ask().await.expect(200);
    }
}
