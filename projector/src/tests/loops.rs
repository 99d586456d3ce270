//! The laws of the loop: nothing twice, nothing left out, whoever else runs, dies or repeats itself meanwhile.

use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::world::{Fact, World, id};
use crate::apply::apply;
use crate::projections::{
    audit_trail::AuditTrail, devices::Devices, findings::Findings, summary::Summary, users::Users,
};
use crate::{Config, Metrics, Projector, Stopped};

mod schedules;

const BATCH: usize = 100;
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_event_delivered_twice_changes_nothing() {
    let world = World::new().await;
    some_history(&world).await;
    world.catch_up_all(BATCH).await;
    let before = world.read_models().await;
    let events = world.events().await;
    for _ in 0..2 {
        for again in [
            apply::<Devices>(&world.projector, &world.feed, events.clone(), BATCH).await.unwrap(),
            apply::<Findings>(&world.projector, &world.feed, events.clone(), BATCH).await.unwrap(),
            apply::<Summary>(&world.projector, &world.feed, events.clone(), BATCH).await.unwrap(),
            apply::<Users>(&world.projector, &world.feed, events.clone(), BATCH).await.unwrap(),
            apply::<AuditTrail>(&world.projector, &world.feed, events.clone(), BATCH).await.unwrap(),
        ] {
            assert_eq!(again.events, 0);
        }
    }
    world.assert_read_models(&before).await;
}

#[tokio::test]
async fn a_gap_and_a_wrong_order_are_mended_from_the_store() {
    let world = World::new().await;
    some_history(&world).await;
    let mut events = world.events().await;
    let last = events.split_off(events.len() - 2);
    apply::<Findings>(&world.projector, &world.feed, last, 3).await.unwrap();
    world.catch_up::<Findings>(BATCH).await;
    let mut reversed = world.events().await;
    reversed.reverse();
    apply::<Summary>(&world.projector, &world.feed, reversed, BATCH).await.unwrap();
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
    some_history(&world).await;
    let running = Running::start(&world);
    caught_up(&world).await;
    some_history(&world).await;
    running.wake.notify_one();
    caught_up(&world).await;
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
        some_history(&world).await;
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'projector' AND datname = current_database()";
        sqlx::query(kill).execute(&world.admin).await.unwrap();
    }
    caught_up(&world).await;
    running.stop.cancel();
    running.task.await.unwrap().unwrap();
    let live = world.read_models().await;
    world.forget_read_models().await;
    world.catch_up_all(BATCH).await;
    world.assert_read_models(&live).await;
}

#[tokio::test]
async fn a_projector_stops_loudly_when_a_checkpoint_is_ahead_of_the_log() {
    let world = World::new().await;
    some_history(&world).await;
    world.catch_up_all(BATCH).await;
    let rewind = "UPDATE store.partition_head SET seq = seq - 1 WHERE seq > 0";
    sqlx::query(rewind).execute(&world.admin).await.unwrap();
    let running = Running::start(&world);
    let stopped = tokio::time::timeout(PATIENCE, running.task).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(stopped, Stopped::Misfit(_)), "{stopped}");
}

#[tokio::test]
async fn a_projector_stops_loudly_when_a_restore_took_its_position_back() {
    let world = World::new().await;
    some_history(&world).await;
    world.catch_up_all(BATCH).await;
    let restored = "INSERT INTO store.log_epochs (epoch, partition, first_seq) SELECT 2, partition, seq FROM store.partition_head WHERE seq > 0";
    sqlx::query(restored).execute(&world.admin).await.unwrap();
    let again = world.events().await;
    assert!(apply::<Findings>(&world.projector, &world.feed, again, BATCH).await.is_err());
    let running = Running::start(&world);
    let stopped = tokio::time::timeout(PATIENCE, running.task).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(stopped, Stopped::Misfit(_) | Stopped::TakenBack(_)), "{stopped}");
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

/// A projector as a process runs it.
struct Running {
    stop: CancellationToken,
    wake: Arc<Notify>,
    standing: crate::Standing,
    task: JoinHandle<Result<(), Stopped>>,
}

impl Running {
    fn start(world: &World) -> Self {
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let projector = Projector::new(world.projector.clone(), Config::default(), metrics);
        let (stop, wake, standing) = (CancellationToken::new(), Arc::new(Notify::new()), projector.standing());
        let task = tokio::spawn(projector.run(stop.clone(), Arc::clone(&wake)));
        Self { stop, wake, standing, task }
    }
}

/// Three tenants, devices and findings of each.
async fn some_history(world: &World) {
    let appended = world.number("SELECT sum(seq)::bigint FROM store.partition_head").await;
    let offset = 1_000 * (1 + appended as u128);
    for tenant in [id(1), id(2), id(3)] {
        let device = id(offset + tenant.as_u128() % 10);
        world.append_fact(Fact::registered(tenant, device, "router")).await;
        for number in 0..4 {
            let finding = id(offset + 10 * (number + 1) + tenant.as_u128() % 10);
            world.append_fact(Fact::raised(tenant, finding, Some(device), "critical")).await;
            world.append_fact(Fact::json(tenant, finding, "finding.confirmed", serde_json::json!({}))).await;
        }
    }
}

/// Until every checkpoint has reached the heads of now.
async fn caught_up(world: &World) {
    let behind =
        "SELECT count(*) FROM read.checkpoints c JOIN store.partition_head h USING (partition) WHERE c.seq < h.seq";
    let wait = async { while world.number(behind).await > 0 {} };
    tokio::time::timeout(PATIENCE, wait).await.expect("the projector catches up");
}
