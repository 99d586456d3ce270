//! What every feed owes, tried on each: the store alone, Kafka as librdkafka's own broker plays it, and a real Kafka.
//! Whatever is brought, twice, late, never or from before a restore, the read models are those of the log.

mod bus;

use super::epochs::RESTORE;
use super::running::{PATIENCE, Running};
use super::world::{Fact, World, first, id};
use crate::projections::findings::Findings;
use bus::Bus;

/// Together more than a feed may remember.
const LARGE_EVENTS: u128 = 240;
/// The others have taken over what a projector that is gone worked on.
const TAKE_OVER_MAX: std::time::Duration = std::time::Duration::from_secs(15);

macro_rules! for_each_feed {
    ($($promise:ident),+ $(,)?) => {
        mod store { $(#[tokio::test] async fn $promise() { super::$promise(super::Bus::store()).await })+ }
        mod mock { $(#[tokio::test] async fn $promise() { super::$promise(super::Bus::mock()).await })+ }
        mod kafka { $(#[tokio::test] async fn $promise() { super::$promise(super::Bus::real().await).await })+ }
    };
}

for_each_feed! {
    all_is_applied_in_order_and_as_the_store_has_it,
    what_comes_twice_changes_nothing,
    what_never_comes_is_read_from_the_store,
    a_lost_last_record_is_noticed,
    what_cannot_be_read_is_read_from_the_store,
    what_is_from_before_a_restore_is_dropped,
    a_projector_that_begins_late_misses_nothing,
}

async fn all_is_applied_in_order_and_as_the_store_has_it(bus: Bus) {
    let world = World::new().await;
    let running = bus.start(&world).await;
    for _ in 0..3 {
        let published = world.records().await.len();
        world.history_of(1..=12).await;
        world.append_fact(Fact::broken(id(1), id(77), "device.status-reported")).await;
        bus.publish(&world.records().await, |number| number >= published).await;
    }
    world.caught_up().await;
    running.stop().await;
    as_from_the_store(&world).await;
}

async fn what_comes_twice_changes_nothing(bus: Bus) {
    let world = World::new().await;
    let running = bus.start(&world).await;
    world.some_history().await;
    let records = world.records().await;
    bus.publish(&records, |_| true).await;
    world.caught_up().await;
    // As a relay would that was fenced, and one that begins again.
    bus.publish(&records, |number| number % 5 < 2).await;
    bus.publish(&records, |_| true).await;
    world.some_history().await;
    bus.publish(&world.records().await, |_| true).await;
    world.caught_up().await;
    running.stop().await;
    as_from_the_store(&world).await;
}

async fn what_never_comes_is_read_from_the_store(bus: Bus) {
    let world = World::new().await;
    let running = bus.start(&world).await;
    world.some_history().await;
    bus.publish(&world.records().await, |number| number % 3 == 2).await;
    world.caught_up().await;
    running.stop().await;
    as_from_the_store(&world).await;
}

async fn a_lost_last_record_is_noticed(bus: Bus) {
    let world = World::new().await;
    let running = bus.start(&world).await;
    world.append_fact(Fact::registered(id(1), id(2), "router")).await;
    bus.publish(&world.records().await, |_| true).await;
    world.caught_up().await;
    world.append_fact(Fact::registered(id(1), id(3), "router")).await;
    world.caught_up().await;
    running.stop().await;
    as_from_the_store(&world).await;
}

async fn what_cannot_be_read_is_read_from_the_store(bus: Bus) {
    let world = World::new().await;
    let running = bus.start(&world).await;
    world.some_history().await;
    let mut records = world.records().await;
    for record in records.iter_mut().step_by(2) {
        // Not the body that the header vouches for.
        record.body = Some(b"{}".to_vec());
    }
    bus.publish(&records, |_| true).await;
    bus.publish_nonsense(records[0].partition).await;
    world.caught_up().await;
    running.stop().await;
    as_from_the_store(&world).await;
}

async fn what_is_from_before_a_restore_is_dropped(bus: Bus) {
    let world = World::new().await;
    world.some_history().await;
    let before = world.records().await;
    // Nothing was applied beyond what the restore brings back: the read models were restored, too.
    world.execute(RESTORE).await;
    let running = bus.start(&world).await;
    world.caught_up().await;
    bus.publish(&before, |_| true).await;
    world.some_history().await;
    bus.publish(&before, |_| true).await;
    bus.publish(&world.records().await, |number| number % 2 == 0).await;
    world.caught_up().await;
    running.stop().await;
    as_from_the_store(&world).await;
}

async fn a_projector_that_begins_late_misses_nothing(bus: Bus) {
    let world = World::new().await;
    world.history_of(1..=12).await;
    bus.publish(&world.records().await, |_| true).await;
    let first = bus.start(&world).await;
    world.caught_up().await;
    first.stop().await;
    let published = world.records().await.len();
    world.history_of(1..=12).await;
    bus.publish(&world.records().await, |number| number >= published).await;
    let second = bus.start(&world).await;
    world.caught_up().await;
    second.stop().await;
    as_from_the_store(&world).await;
}

#[tokio::test]
async fn kafka_itself_brings_what_it_has() {
    let (world, bus) = (World::new().await, Bus::mock());
    let running = bus.start(&world).await;
    world.history_of(1..=12).await;
    let records = world.records().await;
    bus.publish(&records, |_| true).await;
    world.caught_up().await;
    let fate = |fate| running.metrics.kafka.records.with_label_values(&[fate]).get();
    while fate("taken") + fate("duplicate") < records.len() as u64 {
        tokio::task::yield_now().await;
    }
    assert!(fate("taken") > 0 && fate("unreadable") == 0 && fate("dead_epoch") == 0);
    running.stop().await;
}

#[tokio::test]
async fn kafka_waits_while_the_projections_do() {
    let (world, bus) = (World::new().await, Bus::mock());
    let running = bus.start(&world).await;
    let mut locked = world.admin.begin().await.unwrap();
    sqlx::query("SELECT FROM read.checkpoints FOR UPDATE").execute(&mut *locked).await.unwrap();
    for number in 0..LARGE_EVENTS {
        world.append_fact(Fact::large(id(number % 4), id(1_000 + number))).await;
    }
    bus.publish(&world.records().await, |_| true).await;
    while running.metrics.kafka.held_back.get() == 0 {
        tokio::task::yield_now().await;
    }
    locked.commit().await.unwrap();
    world.caught_up().await;
    while running.metrics.kafka.held_back.get() > 0 {
        tokio::task::yield_now().await;
    }
    running.stop().await;
    as_from_the_store(&world).await;
}

#[tokio::test]
async fn two_projectors_share_the_partitions_and_one_takes_over_alone_on_the_mock() {
    two_projectors_share(Bus::mock()).await;
}

#[tokio::test]
async fn two_projectors_share_the_partitions_and_one_takes_over_alone_on_a_real_kafka() {
    two_projectors_share(Bus::real().await).await;
}

async fn two_projectors_share(bus: Bus) {
    let world = World::new().await;
    let (one, other) = (bus.start(&world).await, bus.start(&world).await);
    shared(&[&one, &other]).await;
    world.history_of(1..=40).await;
    bus.publish(&world.records().await, |_| true).await;
    world.caught_up().await;
    for running in [&one, &other] {
        let labels = first::<Findings>().labels();
        assert!(running.metrics.events.with_label_values(&labels).get() > 0, "each did a part");
    }
    let published = world.records().await.len();
    world.history_of(1..=40).await;
    bus.publish(&world.records().await, |number| number >= published).await;
    // In the middle of its work; its consumer still leaves the group, as a killed process could not.
    one.task.abort();
    tokio::time::timeout(TAKE_OVER_MAX, world.caught_up()).await.expect("the other takes over");
    shared(&[&other]).await;
    other.stop().await;
    as_from_the_store(&world).await;
}

/// Until each partition is somebody's and everybody has some.
async fn shared(running: &[&Running]) {
    let of = |running: &&Running| running.metrics.kafka.partitions.get();
    let wait = async {
        while running.iter().map(of).sum::<i64>() != 64 || running.iter().any(|running| of(running) == 0) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the partitions are shared out");
}

/// Every row of every table, checkpoints, parked streams and tenants' positions among them.
async fn as_from_the_store(world: &World) {
    let live = world.read_models().await;
    world.forget_read_models().await;
    world.catch_up_all(50).await;
    world.assert_read_models(&live).await;
}
