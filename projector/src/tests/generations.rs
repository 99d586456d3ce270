//! Generations beside each other: each is the fold of the log, followed as operators decide.

use super::running::Running;
use super::world::{World, first, generation};
use crate::apply::fold_range;
use crate::feed::Range;
use crate::parked::Verdicts;
use crate::projections::{devices::Devices, findings::Findings};

const BATCH: usize = 7;
const SECOND_FINDINGS: &str = "SELECT read.create_generation('findings', 2, 1::smallint, 'filling')";

#[tokio::test]
async fn a_second_generation_is_filled_beside_the_first_and_equals_it() {
    let world = World::new().await;
    world.some_history().await;
    let running = Running::start(&world);
    world.execute(SECOND_FINDINGS).await;
    world.some_history().await;
    world.caught_up().await;
    running.stop().await;
    let [one, two] = ["read_g1", "read_g2"];
    for table in ["findings", "finding_history", "finding_cves", "finding_totals"] {
        let rows = |schema| world.rows_of(format!("SELECT * FROM {schema}.{table}"));
        assert_eq!(rows(one).await, rows(two).await, "{table}");
        assert!(!rows(two).await.is_empty());
    }
}

#[tokio::test]
async fn a_paused_generation_waits_and_a_retired_one_is_left_alone() {
    let world = World::new().await;
    world.execute(SECOND_FINDINGS).await;
    let running = Running::start(&world);
    world.some_history().await;
    world.caught_up().await;
    world.execute("UPDATE read.generations SET paused = true WHERE projection = 'devices'").await;
    while running.follows(first::<Devices>()) {
        tokio::task::yield_now().await;
    }
    world.some_history().await;
    world.execute("SELECT read.retire_generation('findings', 2)").await;
    world.caught_up().await;
    assert_eq!(world.number("SELECT count(*) FROM read.devices").await, 3);
    world.execute("UPDATE read.generations SET paused = false").await;
    world.caught_up().await;
    assert_eq!(world.number("SELECT count(*) FROM read.devices").await, 6);
    running.stop().await;
}

#[tokio::test]
async fn a_live_generation_that_no_program_fills_is_frozen_until_one_does() {
    let world = World::new().await;
    world.execute("UPDATE read.generations SET apply_version = 2, tailed_at = now() - interval '1 minute' WHERE projection = 'scans'").await;
    let running = Running::start(&world);
    world.until("SELECT frozen FROM read.generations WHERE projection = 'scans'").await;
    world.execute("UPDATE read.generations SET apply_version = 1 WHERE projection = 'scans'").await;
    world.until("SELECT NOT frozen FROM read.generations WHERE projection = 'scans'").await;
    running.stop().await;
}

#[tokio::test]
async fn the_last_seq_of_each_tenant_moves_with_the_checkpoint_and_counts_only_what_is_read() {
    let world = World::new().await;
    world.some_history().await;
    world.catch_up_all(BATCH).await;
    let wrong = "SELECT count(*) FROM (
            SELECT tenant_id, max(seq) AS seq FROM store.events WHERE type LIKE 'device.%' GROUP BY 1) e
        FULL JOIN (SELECT * FROM read.tenant_seqs WHERE projection = 'devices') t USING (tenant_id)
        WHERE e.seq IS DISTINCT FROM t.seq";
    assert_eq!(world.number(wrong).await, 0);
    assert_eq!(world.number("SELECT count(*) FROM read.tenant_seqs WHERE projection = 'scans'").await, 0);
    assert_eq!(world.number("SELECT count(*) FROM read.tenant_seqs WHERE projection = 'audit_trail'").await, 3);
}

#[tokio::test]
async fn a_piece_of_a_partition_is_folded_into_a_scratch_generation_that_no_loop_touches() {
    let world = World::new().await;
    world.some_history().await;
    world.execute("SELECT read.create_generation('findings', 2, 1::smallint, 'scratch')").await;
    let running = Running::start(&world);
    world.until("SELECT count(*) > 0 FROM read_g1.findings").await;
    let heads = world.log.heads().await.unwrap();
    for (&partition, &head) in &heads {
        let range = Range { partition, after: 0, upto: head };
        let folded = fold_range(&world.pools, generation::<Findings>(2), range, BATCH, &Verdicts::new()).await.unwrap();
        assert_eq!(folded.events as i64, head);
    }
    running.stop().await;
    assert_eq!(world.number("SELECT count(*) FROM read_g2.findings").await, 12);
}
