//! An organization never sees another one: not in a list, not by an id in a field, not in an error's words.

use acceptance::callers::{Organization, Person, Scanner};
use acceptance::eventually::see;
use acceptance::server::Server;
use serde_json::json;
use uuid::Uuid;

use crate::nmap::reports;

/// An organization with one of everything, and the ids of it all.
struct Inhabited {
    organization: Organization,
    analyst: Person,
    scanner: Scanner,
    device: Uuid,
    finding: Uuid,
    ids: Vec<Uuid>,
    position: String,
}

async fn inhabit(server: &Server) -> Inhabited {
    let organization = Organization::found(server).await;
    let (analyst, scanner) = (organization.analyst().await, organization.scanner().await);
    let device = analyst.post("/v1/devices", json!({ "addresses": ["10.0.0.7"] })).await.expect(201).id();
    let finding = json!({
        "type": "vulnerability", "title": "Old TLS", "severity": "high", "rule": "104743", "tool": "nessus",
        "device_id": device
    });
    let finding = analyst.post("/v1/findings", finding).await.expect(201).id();
    let assigned = json!({ "assignee": analyst.id });
    analyst.post(&format!("/v1/findings/{finding}/assign"), assigned).await.expect(200);
    let scan = scanner.scan(reports::report(&reports::host("10.0.0.9", &[22, 80]))).await.expect(200);
    let ids = vec![organization.id, organization.administrator.id, analyst.id, scanner.id, device, finding, scan.id()];
    Inhabited { organization, analyst, scanner, device, finding, ids, position: scan.position() }
}

#[tokio::test]
async fn no_list_of_one_organization_shows_an_id_of_another() {
    let server = Server::shared().await;
    let (home, away) = (inhabit(server).await, inhabit(server).await);
    let paths = ["organization", "users", "api-keys", "devices", "findings", "scans", "summary", "audit-trail", "me"];
    let mut own = String::new();
    for path in paths {
        let path = format!("/v1/{path}");
        let answer = see(&home.organization.administrator, &path, &home.position).await.expect(200).text();
        for id in &away.ids {
            assert!(!answer.contains(&id.to_string()), "{path} shows {id} of another organization");
        }
        own.push_str(&answer);
    }
    for id in &home.ids {
        assert!(own.contains(&id.to_string()), "nothing shows {id}, so nothing was proven");
    }
    let scans = see(&away.scanner, "/v1/scans", &away.position).await.expect(200).json();
    assert_eq!(scans["total"]["value"], 1, "{scans}");
}

#[tokio::test]
async fn filters_by_anothers_ids_find_nothing() {
    let server = Server::shared().await;
    let (home, away) = (inhabit(server).await, inhabit(server).await);
    see(&home.analyst, "/v1/findings", &home.position).await.expect(200);
    let filters = [format!("device={}", away.device), format!("assignee={}", away.analyst.id)];
    for filter in filters {
        let list = home.analyst.get(&format!("/v1/findings?{filter}")).await.expect(200).json();
        assert_eq!((&list["items"], &list["total"]["value"]), (&json!([]), &json!(0)), "{filter}");
    }
    let path = format!("/v1/audit-trail?object={}", away.finding);
    assert_eq!(home.organization.administrator.get(&path).await.expect(200).json()["items"], json!([]));
}

#[tokio::test]
async fn anothers_ids_in_a_body_are_as_good_as_none() {
    let server = Server::shared().await;
    let (home, away) = (inhabit(server).await, inhabit(server).await);
    let stray = json!({ "type": "weakness", "title": "Stray", "severity": "low", "device_id": away.device });
    let invented = json!({ "type": "weakness", "title": "Stray", "severity": "low", "device_id": Uuid::now_v7() });
    let answer = home.analyst.post("/v1/findings", stray).await;
    assert!([404, 422].contains(&answer.status), "{} {}", answer.status, answer.text());
    assert_eq!(home.analyst.post("/v1/findings", invented).await.status, answer.status);
    let path = format!("/v1/findings/{}/assign", home.finding);
    let answer = home.analyst.post(&path, json!({ "assignee": away.analyst.id })).await;
    assert!([404, 422].contains(&answer.status), "{} {}", answer.status, answer.text());
    assert_eq!(home.analyst.post(&path, json!({ "assignee": Uuid::now_v7() })).await.status, answer.status);
}

#[tokio::test]
async fn what_is_taken_in_one_organization_is_free_in_the_next() {
    let server = Server::shared().await;
    let (home, away) = (inhabit(server).await, Organization::found(server).await);
    away.administrator.post("/v1/devices", json!({ "addresses": ["10.0.0.7"] })).await.expect(201);
    let taken = json!({ "addresses": ["10.0.0.7"] });
    assert_eq!(home.analyst.post("/v1/devices", taken).await.expect(409).code(), "address-taken");
}

#[tokio::test]
async fn the_operator_sees_organizations_and_nothing_in_them() {
    let server = Server::shared().await;
    let (home, away) = (inhabit(server).await, inhabit(server).await);
    let operator = server.operator();
    for one in [&home, &away] {
        let mut path = "/v1/organizations?limit=500".to_owned();
        loop {
            let page = see(&operator, &path, &one.position).await.expect(200).json();
            if page.to_string().contains(&one.organization.id.to_string()) {
                break;
            }
            path = format!("/v1/organizations?limit=500&cursor={}", page["next"].as_str().expect("it is on some page"));
        }
    }
    for path in ["findings", "devices", "users", "audit-trail", "scans", "summary", "organization", "api-keys"] {
        operator.get(&format!("/v1/{path}")).await.expect(403);
    }
}
