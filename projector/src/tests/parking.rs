//! What cannot be applied waits by stream, and nothing else waits for it.

use serde_json::json;

use super::world::{Fact, World, id};
use crate::projections::{
    audit_trail::AuditTrail, devices::Devices, findings::Findings, summary::Summary, users::Users,
};

const BATCH: usize = 100;

#[tokio::test]
async fn a_broken_event_parks_its_stream_and_the_rest_goes_on() {
    let world = World::new().await;
    let tenant = id(1);
    world.append_fact(Fact::raised(tenant, id(20), None, "high")).await;
    world.append_fact(Fact::raised(tenant, id(21), None, "high")).await;
    world.append_fact(Fact::broken(tenant, id(20), "finding.severity-changed")).await;
    world.append_fact(Fact::json(tenant, id(20), "finding.confirmed", json!({}))).await;
    world.append_fact(Fact::json(tenant, id(21), "finding.confirmed", json!({}))).await;
    world.catch_up::<Findings>(BATCH).await;
    // A later batch still knows.
    world.append_fact(Fact::json(tenant, id(20), "finding.work-started", json!({}))).await;
    world.catch_up::<Findings>(BATCH).await;
    let states = world.rows("SELECT finding_id, version, disposition FROM read.findings").await;
    assert!(states[0].contains("untriaged") && states[0].contains("\"version\": 1"), "{states:?}");
    assert!(states[1].contains("confirmed"), "{states:?}");
    let waiting = world.rows("SELECT seq, type FROM read.parked_events").await;
    assert_eq!(waiting.len(), 3, "{waiting:?}");
    let why = world.rows("SELECT stream_id, because_of, reason FROM read.parked_streams").await;
    assert!(why.len() == 1 && why[0].contains(&id(20).to_string()), "{why:?}");
    assert_eq!(world.number("SELECT sum(parked_streams)::bigint FROM read.checkpoints").await, 1);
}

#[tokio::test]
async fn an_event_of_an_unknown_type_parks_its_stream_but_stands_in_the_audit_trail() {
    let world = World::new().await;
    world.append_fact(Fact::broken(id(1), id(40), "contract.signed")).await;
    world.append_fact(Fact::registered(id(1), id(2), "router")).await;
    world.catch_up_all(BATCH).await;
    assert_eq!(world.number("SELECT count(*) FROM read.devices").await, 1);
    assert_eq!(world.number("SELECT count(*) FROM read.audit_trail WHERE action = 'contract.signed'").await, 1);
    assert_eq!(world.number("SELECT count(*) FROM read.parked_streams WHERE projection = 'audit_trail'").await, 0);
    assert_eq!(world.number("SELECT count(*) FROM read.parked_streams WHERE projection = 'devices'").await, 1);
}

#[tokio::test]
async fn a_value_that_postgres_refuses_is_found_by_bisecting_and_parked_alone() {
    let world = World::new().await;
    for number in 0..20 {
        world.append_fact(Fact::registered(id(1), id(100 + number), "router")).await;
    }
    let body = json!({"identifiers": {"network": "default"}, "profile": {"name": "nul \u{0}"}, "criticality": "low"});
    world.append_fact(Fact::json(id(1), id(200), "device.registered", body)).await;
    for number in 0..20 {
        world.append_fact(Fact::registered(id(1), id(300 + number), "router")).await;
    }
    world.catch_up::<Devices>(BATCH).await;
    assert_eq!(world.number("SELECT count(*) FROM read.devices").await, 40);
    assert_eq!(world.number("SELECT total FROM read.device_totals").await, 40);
    let parked = world.rows("SELECT stream_id, reason FROM read.parked_streams").await;
    assert!(parked.len() == 1 && parked[0].contains("SQLSTATE 22021"), "{parked:?}");
}

#[tokio::test]
async fn a_parked_device_takes_its_findings_along_the_older_ones_too() {
    let world = World::new().await;
    let (tenant, device, other) = (id(1), id(2), id(3));
    world.append_fact(Fact::registered(tenant, device, "router")).await;
    world.append_fact(Fact::registered(tenant, other, "router")).await;
    world.append_fact(Fact::raised(tenant, id(20), Some(device), "high")).await;
    world.catch_up::<Summary>(BATCH).await;
    world.append_fact(Fact::broken(tenant, device, "device.status-reported")).await;
    world.append_fact(Fact::json(tenant, id(20), "finding.confirmed", json!({}))).await;
    world.append_fact(Fact::raised(tenant, id(21), Some(device), "low")).await;
    world.append_fact(Fact::raised(tenant, id(22), Some(other), "low")).await;
    world.catch_up::<Summary>(BATCH).await;
    let parked = world.rows("SELECT stream_id, because_of FROM read.parked_streams WHERE projection = 'summary'").await;
    assert_eq!(parked.len(), 3, "{parked:?}");
    assert!(parked.iter().all(|row| row.contains(&format!("\"because_of\": \"{device}\""))), "{parked:?}");
    assert_eq!(world.number("SELECT sum(n)::bigint FROM read.finding_counts WHERE disposition = 'untriaged'").await, 2);
    // The list of findings does not need the device and goes on.
    world.catch_up::<Findings>(BATCH).await;
    assert_eq!(world.number("SELECT count(*) FROM read.findings").await, 3);
}

#[tokio::test]
async fn an_event_that_cannot_have_followed_parks_its_stream() {
    let world = World::new().await;
    world.append_fact(Fact::json(id(1), id(20), "finding.confirmed", json!({}))).await;
    let started = json!({"user": id(5), "expires_at": 0});
    world.append_fact(Fact::json(id(1), id(11), "session.started", started)).await;
    world.catch_up::<Findings>(BATCH).await;
    world.catch_up::<Users>(BATCH).await;
    world.catch_up::<AuditTrail>(BATCH).await;
    assert_eq!(world.number("SELECT count(*) FROM read.parked_streams").await, 2);
    assert_eq!(world.number("SELECT count(*) FROM read.audit_trail").await, 2);
}
