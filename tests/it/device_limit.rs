//! The plan's device limit holds under any race.

use acceptance::callers::Organization;
use acceptance::eventually::see;
use acceptance::server::Server;
use futures_util::future::join_all;
use serde_json::json;

const LIMIT: usize = 37;
const ATTEMPTS: usize = 200;

#[tokio::test]
async fn of_200_parallel_registrations_exactly_as_many_succeed_as_the_plan_allows() {
    let server = Server::shared().await;
    let terms = json!({ "plan": "free", "device_limit": LIMIT });
    let organization = Organization::found_with(server, terms).await;
    let register = |index: usize| {
        let client = organization.administrator.client.clone();
        async move { client.post("/v1/devices", json!({ "addresses": [format!("10.1.2.{index}")] })).await }
    };
    let answers = join_all((0..ATTEMPTS).map(register)).await;

    let (registered, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(registered.len(), LIMIT);
    for answer in refused {
        assert_eq!((answer.status, answer.code().as_str()), (409, "device-limit-reached"));
    }
    let last = registered.iter().map(|answer| sequence(&answer.position())).max().unwrap();
    let position = registered.iter().map(|answer| answer.position()).find(|at| sequence(at) == last).unwrap();
    let list = see(&organization.administrator, "/v1/devices?limit=500", &position).await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), LIMIT);
    assert_eq!(list["total"], json!({ "value": LIMIT, "kind": "exact" }));
}

#[tokio::test]
async fn a_retired_device_makes_room_for_another() {
    let server = Server::shared().await;
    let organization = Organization::found_with(server, json!({ "plan": "free", "device_limit": 1 })).await;
    let administrator = &organization.administrator;
    let first = administrator.post("/v1/devices", json!({ "addresses": ["10.0.0.7"] })).await.expect(201);
    let second = json!({ "addresses": ["10.0.0.8"] });
    assert_eq!(administrator.post("/v1/devices", second.clone()).await.expect(409).code(), "device-limit-reached");
    administrator.post_nothing(&format!("/v1/devices/{}/retire", first.id())).await.expect(200);
    administrator.post("/v1/devices", second).await.expect(201);
}

#[tokio::test]
async fn of_twenty_devices_with_one_address_one_is_registered_and_the_others_are_told_which() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let register = |_| {
        let client = organization.administrator.client.clone();
        async move { client.post("/v1/devices", json!({ "addresses": ["10.0.0.9"] })).await }
    };
    let answers = join_all((0..20).map(register)).await;
    let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(winners.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((answer.status, answer.code().as_str()), (409, "address-taken"));
        assert!(answer.text().contains(&winners[0].id().to_string()), "{}", answer.text());
    }
}

fn sequence(position: &str) -> i64 {
    position.rsplit('.').next().unwrap().parse().unwrap()
}
