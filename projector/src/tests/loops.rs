//! The laws of the loop: nothing twice, nothing left out, whoever else runs, dies or repeats itself meanwhile.

use super::running::{PATIENCE, Running};
use super::world::{Fact, World, id};
use crate::Stopped;
use crate::projections::{
    audit_trail::AuditTrail, devices::Devices, findings::Findings, summary::Summary, users::Users,
};

mod schedules;

const BATCH: usize = 100;

#[tokio::test]
async fn an_event_delivered_twice_changes_nothing() {
    let world = World::new().await;
    world.some_history().await;
    world.catch_up_all(BATCH).await;
    let before = world.read_models().await;
    let events = world.events().await;
    for _ in 0..2 {
        for again in [
            world.apply::<Devices>(events.clone(), BATCH).await.unwrap(),
            world.apply::<Findings>(events.clone(), BATCH).await.unwrap(),
            world.apply::<Summary>(events.clone(), BATCH).await.unwrap(),
            world.apply::<Users>(events.clone(), BATCH).await.unwrap(),
            world.apply::<AuditTrail>(events.clone(), BATCH).await.unwrap(),
        ] {
            assert_eq!(again, 0);
        }
    }
    world.assert_read_models(&before).await;
}

#[tokio::test]
async fn a_gap_and_a_wrong_order_are_mended_from_the_store() {
    let world = World::new().await;
    world.some_history().await;
    let mut events = world.events().await;
    let last = events.split_off(events.len() - 2);
    world.apply::<Findings>(last, 3).await.unwrap();
    world.catch_up::<Findings>(BATCH).await;
    let mut reversed = world.events().await;
    reversed.reverse();
    world.apply::<Summary>(reversed, BATCH).await.unwrap();
    world.catch_up::<Summary>(BATCH).await;
    let mended = world.read_models().await;
    world.forget_read_models().await;
    world.catch_up::<Findings>(1).await;
    world.catch_up::<Summary>(1).await;
    world.assert_read_models(&mended).await;
}

#[tokio::test]
async fn a_running_projector_follows_and_stops_when_told() {
    let world = World::new().await;
    world.some_history().await;
    let running = Running::start(&world);
    world.caught_up().await;
    world.some_history().await;
    running.wake.notify_one();
    world.caught_up().await;
    // The loops say so right after their commits.
    let says_so = async {
        while !running.standing.behind().is_empty() {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(PATIENCE, says_so).await.expect("nothing is behind");
    running.stop.cancel();
    running.task.await.unwrap().unwrap();
    let live = world.read_models().await;
    world.forget_read_models().await;
    world.catch_up_all(7).await;
    world.assert_read_models(&live).await;
}

#[tokio::test]
async fn a_projector_whose_connections_die_goes_on_by_itself() {
    let world = World::new().await;
    let running = Running::start(&world);
    for _ in 0..5 {
        world.some_history().await;
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'projector' AND datname = current_database()";
        sqlx::query(kill).execute(&world.admin).await.unwrap();
    }
    world.caught_up().await;
    running.stop.cancel();
    running.task.await.unwrap().unwrap();
    let live = world.read_models().await;
    world.forget_read_models().await;
    world.catch_up_all(BATCH).await;
    world.assert_read_models(&live).await;
}

#[tokio::test]
async fn what_a_crash_took_back_is_applied_again_although_nothing_is_appended() {
    let world = World::new().await;
    let running = Running::start(&world);
    world.some_history().await;
    world.caught_up().await;
    let before = world.read_models().await;
    // Rows and checkpoint go together, as they came: a transaction that did not wait for the disk.
    let lost = "UPDATE read.checkpoints SET seq = 0 WHERE projection = 'devices';
        TRUNCATE read_g1.devices, read_g1.device_totals; DELETE FROM read.tenant_seqs WHERE projection = 'devices'";
    sqlx::raw_sql(lost).execute(&world.admin).await.unwrap();
    world.caught_up().await;
    world.assert_read_models(&before).await;
    running.stop.cancel();
    running.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_projector_stops_loudly_when_a_checkpoint_is_ahead_of_the_log() {
    let world = World::new().await;
    world.some_history().await;
    world.catch_up_all(BATCH).await;
    let rewind = "UPDATE store.partition_head SET seq = seq - 1 WHERE seq > 0";
    sqlx::query(rewind).execute(&world.admin).await.unwrap();
    let running = Running::start(&world);
    let stopped = tokio::time::timeout(PATIENCE, running.task).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(stopped, Stopped::Misfit(_)), "{stopped}");
}

#[tokio::test]
async fn a_checkpoint_names_the_epoch_of_its_seq() {
    let world = World::new().await;
    let place = world.append_fact(Fact::registered(id(1), id(2), "router")).await;
    world.catch_up::<Devices>(BATCH).await;
    let promoted = "INSERT INTO store.log_epochs (epoch, partition, first_seq) VALUES (2, $1, $2)";
    sqlx::query(promoted).bind(place.partition).bind(place.seq + 1).execute(&world.admin).await.unwrap();
    world.append_fact(Fact::registered(id(1), id(3), "router")).await;
    world.catch_up::<Devices>(BATCH).await;
    assert_eq!(
        world.number("SELECT epoch::bigint FROM read.checkpoints WHERE projection = 'devices' AND seq > 0").await,
        2
    );
    assert_eq!(world.number("SELECT count(*) FROM read.devices").await, 2);
}
