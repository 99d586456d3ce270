//! Rebuilds, switches, retirements and pauses.

use domain::vocabulary::ProjectionName as Name;
use serde_json::json;

use super::{FINDINGS, Stage};
use crate::projections::findings::Findings;
use crate::tests::world::first;

#[tokio::test]
async fn a_rebuild_equals_what_is_live_and_is_switched_to_when_asked() {
    let stage = Stage::new().await;
    stage.decide(Name::Findings, "rebuild-requested", json!({ "generation": 2, "switch": true })).await;
    // The log goes on meanwhile.
    stage.world.some_history().await;
    let outcome = stage.done().await;
    assert!(outcome.contains("generation 2 is live"), "{outcome}");
    stage.world.some_history().await;
    stage.world.caught_up().await;
    stage.assert_equal("read_g1", "read_g2", &FINDINGS).await;
    stage.assert_equal("read", "read_g2", &FINDINGS).await;
    assert_eq!(
        stage
            .world
            .number("SELECT count(*) FROM pg_indexes WHERE schemaname = 'read_g2' AND indexname LIKE 'findings_by%'")
            .await,
        8
    );
    stage.stop().await;
}

#[tokio::test]
async fn switching_back_loses_nothing_and_what_is_live_is_not_retired() {
    let stage = Stage::new().await;
    stage.decide(Name::Findings, "rebuild-requested", json!({ "generation": 2, "switch": true })).await;
    stage.done().await;
    stage.world.some_history().await;
    stage.decide(Name::Findings, "switch-requested", json!({ "generation": 1 })).await;
    assert!(stage.done().await.contains("generation 1 is live; before it was generation 2"));
    stage.world.some_history().await;
    stage.world.caught_up().await;
    assert_eq!(stage.world.number("SELECT count(*) FROM read.findings").await, 36);
    stage.decide(Name::Findings, "retire-requested", json!({ "generation": 1 })).await;
    assert_eq!(stage.failed().await, "generation 1 is live");
    stage.decide(Name::Findings, "retire-requested", json!({ "generation": 2 })).await;
    assert_eq!(stage.done().await, "generation 2 is retired");
    assert_eq!(stage.world.number("SELECT count(*) FROM pg_tables WHERE schemaname = 'read_g2'").await, 0);
    stage.decide(Name::Findings, "switch-requested", json!({ "generation": 2 })).await;
    assert_eq!(stage.failed().await, "generation 2 is retired");
    stage.stop().await;
}

#[tokio::test]
async fn a_crash_between_any_two_steps_is_gone_on_from() {
    let mut stage = Stage::new().await;
    stage.decide(Name::Findings, "rebuild-requested", json!({ "generation": 2, "switch": true })).await;
    for reached in [
        "SELECT count(*) > 0 FROM read.operations WHERE state <> 'requested'",
        "SELECT bool_or(step <> '' OR state = 'done') FROM read.operations",
        "SELECT bool_or(step NOT IN ('', 'filling')) FROM read.operations",
        "SELECT bool_or(indexed_at IS NOT NULL) FROM read.generations WHERE projection = 'findings' AND generation = 2",
        "SELECT bool_or(step NOT IN ('', 'filling', 'indexing')) FROM read.operations",
        "SELECT bool_or(state IN ('ready', 'live')) FROM read.generations WHERE projection = 'findings' AND generation = 2",
        "SELECT bool_or(step = 'switching') FROM read.operations",
    ] {
        stage.world.until(reached).await;
        stage.crash().await;
        stage.world.some_history().await;
        stage.start_again();
    }
    stage.done().await;
    stage.world.caught_up().await;
    stage.assert_equal("read_g1", "read_g2", &FINDINGS).await;
    assert_eq!(stage.world.number("SELECT count(*) FROM read.generations WHERE paused").await, 0);
    assert!(stage.world.number("SELECT max(attempt)::bigint FROM read.operations").await > 1);
    stage.stop().await;
}

#[tokio::test]
async fn a_paused_projection_rests_until_it_is_resumed_and_a_rebuild_of_it_runs() {
    let stage = Stage::new().await;
    stage.world.caught_up().await;
    // The log of these tests is older than their database.
    stage.world.execute("UPDATE read.generations SET created_at = '2020-01-01'").await;
    stage.decide(Name::Findings, "paused", json!({})).await;
    stage.world.until("SELECT paused FROM read.generations WHERE projection = 'findings'").await;
    let running = stage.running.as_ref().unwrap();
    while running.follows(first::<Findings>()) {
        tokio::task::yield_now().await;
    }
    stage.world.some_history().await;
    stage.decide(Name::Findings, "rebuild-requested", json!({ "generation": 2, "switch": false })).await;
    stage.done().await;
    // A generation is ready when little is missing; the rest comes as it comes to a live one.
    stage.world.until("SELECT count(*) = 24 FROM read_g2.findings").await;
    assert_eq!(stage.world.number("SELECT count(*) FROM read.findings").await, 12);
    stage.decide(Name::Findings, "resumed", json!({})).await;
    stage.world.until("SELECT NOT bool_or(paused) FROM read.generations").await;
    stage.world.until("SELECT count(*) = 24 FROM read.findings").await;
    stage.stop().await;
}

#[tokio::test]
async fn a_switch_waits_for_queries_that_have_begun_and_gives_up_its_locks_meanwhile() {
    let stage = Stage::new().await;
    stage.decide(Name::Findings, "rebuild-requested", json!({ "generation": 2, "switch": false })).await;
    stage.done().await;
    let reader = stage.world.database.pool("reader").await;
    let mut query = reader.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.unwrap();
    sqlx::query("SELECT count(*) FROM read.live_generations").execute(&mut *query).await.unwrap();
    stage.decide(Name::Findings, "switch-requested", json!({ "generation": 2 })).await;
    stage.world.until("SELECT bool_or(step = 'switching') FROM read.operations").await;
    // The live generation is not held up for good.
    stage.world.some_history().await;
    stage.world.until("SELECT count(*) = 24 FROM read.findings").await;
    assert_eq!(
        stage.world.number("SELECT generation::bigint FROM read.live_generations WHERE projection = 'findings'").await,
        1
    );
    query.rollback().await.unwrap();
    assert!(stage.done().await.contains("generation 2 is live"));
    stage.stop().await;
}

#[tokio::test]
async fn what_a_restore_took_back_is_rebuilt_switched_to_and_gone() {
    let stage = Stage::new().await;
    stage.world.caught_up().await;
    // As if the backup lacked the last event of every partition, and others came in their place.
    let mut stage = stage;
    stage.crash().await;
    stage.world.execute(
        "INSERT INTO store.log_epochs (epoch, partition, first_seq) SELECT 2, partition, seq FROM store.partition_head WHERE seq > 0").await;
    stage.start_again();
    stage.world.until("SELECT frozen FROM read.generations WHERE projection = 'findings'").await;
    stage.decide(Name::Findings, "rebuild-requested", json!({ "generation": 2, "switch": true })).await;
    stage.world.until("SELECT count(*) = 1 AND bool_and(state IN ('done', 'failed')) FROM read.operations").await;
    let (state, outcome) = stage.last().await;
    assert_eq!((state.as_str(), outcome.contains("generation 2 is live")), ("done", true), "{outcome}");
    assert_eq!(
        stage
            .world
            .number("SELECT count(*) FROM read.generations WHERE projection = 'findings' AND state = 'retired'")
            .await,
        1
    );
    stage.stop().await;
}
