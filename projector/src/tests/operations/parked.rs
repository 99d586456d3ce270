//! Parked streams, decided upon.

use domain::vocabulary::ProjectionName as Name;
use serde_json::{Value, json};

use super::{Stage, tenant_stream};
use crate::tests::world::{Fact, World, id};

/// A device whose third event says nothing of use, with a finding below it.
async fn broken_device(world: &World) {
    let tenant = id(1);
    world.append_fact(Fact::registered(tenant, id(70), "router")).await;
    world.append_fact(Fact::raised(tenant, id(71), Some(id(70)), "high")).await;
    world.append_fact(Fact::broken(tenant, id(70), "device.status-reported")).await;
    world.append_fact(Fact::json(tenant, id(71), "finding.confirmed", json!({}))).await;
    world.append_fact(Fact::json(tenant, id(70), "device.retired", json!({}))).await;
}

async fn broken_event(world: &World) -> Value {
    let events = world.rows("SELECT event_id FROM store.events WHERE type = 'device.status-reported'").await;
    serde_json::from_str::<Value>(&events[0]).unwrap()["event_id"].clone()
}

#[tokio::test]
async fn a_stream_is_applied_with_all_below_it_once_the_cause_is_gone() {
    let stage = Stage::new().await;
    broken_device(&stage.world).await;
    stage.world.caught_up().await;
    stage.decide(Name::Summary, "stream-retried", tenant_stream(id(1), id(70))).await;
    assert!(stage.failed().await.contains("parked again"));
    assert_eq!(stage.world.number("SELECT count(*) FROM read.parked_streams WHERE projection = 'summary'").await, 2);
    assert_eq!(
        stage
            .world
            .number("SELECT sum(parked_streams)::bigint FROM read.checkpoints WHERE projection = 'summary'")
            .await,
        2
    );
    // As if a newer program could read it.
    stage.world.execute(
        "SET session_replication_role = replica; UPDATE store.events SET body = '{\"status\":\"up\",\"seen_at\":1}' WHERE type = 'device.status-reported'").await;
    stage.decide(Name::Summary, "stream-retried", tenant_stream(id(1), id(70))).await;
    assert!(stage.done().await.contains("3 events applied"));
    assert_eq!(stage.world.number("SELECT count(*) FROM read.parked_events WHERE projection = 'summary'").await, 0);
    assert_eq!(
        stage
            .world
            .number("SELECT sum(parked_streams)::bigint FROM read.checkpoints WHERE projection = 'summary'")
            .await,
        0
    );
    stage.decide(Name::Summary, "verify-requested", json!({ "partitions": { "first": 0, "last": 63 } })).await;
    stage.done().await;
    stage.decide(Name::Summary, "stream-retried", tenant_stream(id(1), id(70))).await;
    assert_eq!(stage.failed().await, "the stream is not parked");
    stage.stop().await;
}

#[tokio::test]
async fn a_skipped_event_is_left_out_in_later_generations_too() {
    let stage = Stage::new().await;
    broken_device(&stage.world).await;
    stage.world.caught_up().await;
    let mut skip = tenant_stream(id(1), id(70));
    skip["event"] = broken_event(&stage.world).await;
    skip["reason"] = json!("a scanner that was broken");
    stage.decide(Name::Devices, "event-skipped", skip.clone()).await;
    let said = stage.done().await;
    assert!(said.contains("left out") && said.contains("1 events applied"), "{said}");
    let device = "SELECT count(*) FROM read.devices WHERE retired AND version = 3 AND status = 'unknown'";
    assert_eq!(stage.world.number(device).await, 1);
    stage.decide(Name::Devices, "rebuild-requested", json!({ "generation": 2, "switch": true })).await;
    stage.done().await;
    assert_eq!(stage.world.number(device).await, 1);
    stage.assert_equal("read_g1", "read_g2", &["devices", "device_totals"]).await;
    assert_eq!(stage.world.number("SELECT count(*) FROM read.parked_streams WHERE projection = 'devices'").await, 0);
    // Another projection has not skipped it.
    assert_eq!(stage.world.number("SELECT count(*) FROM read.parked_streams WHERE projection = 'summary'").await, 2);
    stage.decide(Name::Devices, "verify-requested", json!({ "partitions": { "first": 0, "last": 63 } })).await;
    stage.done().await;
    stage.stop().await;
}

#[tokio::test]
async fn an_event_that_waits_nowhere_is_not_skipped() {
    let stage = Stage::new().await;
    stage.world.caught_up().await;
    let mut skip = tenant_stream(id(1), id(70));
    skip["event"] = json!(id(99));
    skip["reason"] = json!("because");
    stage.decide(Name::Devices, "event-skipped", skip).await;
    assert!(stage.failed().await.contains("waits in no generation"));
    assert_eq!(stage.world.number("SELECT count(*) FROM read.skips").await, 0);
    stage.stop().await;
}

#[tokio::test]
async fn one_bad_stream_below_stays_parked_by_itself_when_the_one_above_goes_on() {
    let stage = Stage::new().await;
    broken_device(&stage.world).await;
    stage.world.append_fact(Fact::broken(id(1), id(71), "finding.severity-changed")).await;
    stage.world.caught_up().await;
    let mut skip = tenant_stream(id(1), id(70));
    skip["event"] = broken_event(&stage.world).await;
    skip["reason"] = json!("a scanner that was broken");
    stage.decide(Name::Summary, "event-skipped", skip).await;
    assert!(stage.done().await.contains("parked again"));
    let left =
        stage.world.rows("SELECT stream_id, because_of FROM read.parked_streams WHERE projection = 'summary'").await;
    assert!(left.len() == 1 && left[0].matches(&id(71).to_string()).count() == 2, "{left:?}");
    assert_eq!(
        stage
            .world
            .number("SELECT sum(parked_streams)::bigint FROM read.checkpoints WHERE projection = 'summary'")
            .await,
        1
    );
    stage.stop().await;
}
