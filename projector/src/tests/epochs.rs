//! A log that was restored to before its end: what was read or made before that is never mixed with what came after.

use super::running::Running;
use super::world::{Fact, World, first, id};
use crate::failure::Failure;
use crate::projections::{devices::Devices, findings::Findings, scans::Scans};

const BATCH: usize = 100;

/// The last event of each partition is gone, and an epoch says so.
pub(super) const RESTORE: &str = "SET session_replication_role = replica;
    DELETE FROM store.events e USING store.partition_head h WHERE e.partition = h.partition AND e.seq = h.seq;
    RESET session_replication_role;
    UPDATE store.partition_head SET seq = seq - 1 WHERE seq > 0;
    INSERT INTO store.log_epochs (epoch, partition, first_seq) SELECT 2, partition, seq + 1 FROM store.partition_head";

#[tokio::test]
async fn an_event_from_before_a_restore_is_refused_whether_or_not_its_place_was_taken() {
    let world = World::new().await;
    let tenant = id(1);
    world.append_fact(Fact::registered(tenant, id(2), "router")).await;
    world.append_fact(Fact::registered(tenant, id(3), "router")).await;
    let before = world.events().await;
    world.execute(RESTORE).await;
    let beyond = world.apply::<Devices>(before.clone(), BATCH).await;
    assert!(matches!(beyond, Err(Failure::Stale { .. })), "{beyond:?}");
    world.append_fact(Fact::registered(tenant, id(4), "switch")).await;
    let taken = world.apply::<Devices>(before, BATCH).await;
    assert!(matches!(taken, Err(Failure::Stale { .. })), "{taken:?}");
    assert_eq!(world.number("SELECT count(*) FROM read.devices").await, 0);
    world.catch_up::<Devices>(BATCH).await;
    let devices = world.rows("SELECT device_id FROM read.devices").await;
    assert!(devices.len() == 2 && devices[1].contains(&id(4).to_string()), "{devices:?}");
    assert_eq!(world.number("SELECT max(epoch)::bigint FROM read.checkpoints").await, 2);
}

#[tokio::test]
async fn what_a_projection_does_not_read_moves_it_by_the_same_rules() {
    let world = World::new().await;
    for number in 2..5 {
        world.append_fact(Fact::registered(id(1), id(number), "router")).await;
    }
    let before = world.events().await;
    let at = "SELECT max(seq) FROM read.checkpoints WHERE projection = 'scans'";
    assert_eq!(world.apply::<Scans>(before[1..].to_vec(), BATCH).await.unwrap(), 3, "with what lies before");
    assert_eq!(world.apply::<Scans>(before.clone(), BATCH).await.unwrap(), 0, "a second time");
    assert_eq!(world.number(at).await, 3);
    world.execute("UPDATE read.checkpoints SET seq = 1 WHERE seq = 3").await;
    world.execute(RESTORE).await;
    let beyond = world.apply::<Scans>(before.clone(), BATCH).await;
    assert!(matches!(beyond, Err(Failure::Stale { .. })), "{beyond:?}");
    assert_eq!(world.number(at).await, 1);
    world.append_fact(Fact::registered(id(1), id(9), "router")).await;
    let taken = world.apply::<Scans>(before, BATCH).await;
    assert!(matches!(taken, Err(Failure::Stale { .. })), "{taken:?}");
    world.catch_up::<Scans>(BATCH).await;
    let row = world.rows("SELECT seq, epoch FROM read.checkpoints WHERE projection = 'scans' AND seq > 0").await;
    assert_eq!(row, [r#"{"seq": 3, "epoch": 2}"#]);
}

#[tokio::test]
async fn what_a_restore_took_back_stops_and_is_rebuilt_beside_while_the_rest_goes_on() {
    let world = World::new().await;
    world.some_history().await;
    world.catch_up::<Findings>(BATCH).await;
    world.execute(RESTORE).await;
    let again = world.step::<Findings>(BATCH).await;
    assert!(again.is_ok_and(|events| events == 0), "there is nothing for it to do yet");
    world.some_history().await;
    let refused = world.apply::<Findings>(world.events().await, BATCH).await;
    assert!(matches!(refused, Err(Failure::TakenBack { .. })), "{refused:?}");
    let running = Running::start(&world);
    world.until("SELECT frozen FROM read.generations WHERE projection = 'findings'").await;
    world.caught_up().await;
    assert_eq!(running.metrics.stopped.with_label_values(&first::<Findings>().labels()).get(), 1);
    world.execute("SELECT read.create_generation('findings', 2, 1::smallint, 'filling')").await;
    world.caught_up().await;
    world.execute("SELECT read.index_generation('findings', 2)").await;
    world.execute("UPDATE read.generations SET state = 'ready' WHERE projection = 'findings' AND generation = 2").await;
    world.execute("SELECT read.switch_generation('findings', 2)").await;
    world.some_history().await;
    world.caught_up().await;
    running.stop().await;
    let missing = "SELECT count(DISTINCT stream_id) FROM store.events
        WHERE type = 'finding.raised' AND NOT EXISTS (SELECT FROM read.findings WHERE finding_id = stream_id)";
    assert_eq!(world.number(missing).await, 0);
}
