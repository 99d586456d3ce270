use sqlx::{Connection, PgConnection, Row};

use super::world::{Running, World};

/// As `securenet log begin-epoch` does.
async fn begin_epoch(world: &World, again: bool, above: i32) -> (String, i32) {
    let mut owner = PgConnection::connect_with(&world.database.options("migrator")).await.unwrap();
    let row = sqlx::query("SELECT outcome, epoch FROM store.begin_epoch($1, $2)")
        .bind(again)
        .bind(above)
        .fetch_one(&mut owner)
        .await
        .unwrap();
    (row.get(0), row.get(1))
}

async fn published(world: &World, partition: i16, count: i64) {
    let relay = world.relay().await;
    world.append(partition, count).await;
    world.until_published().await;
    relay.stop().await;
}

async fn halts(world: &World) -> Running {
    let relay = world.relay().await;
    relay.until(|metrics| metrics.halted.get() == 1).await;
    assert_eq!(relay.status.ready(), Err("Kafka is ahead of the log".to_owned()));
    relay
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_the_relay_stands_still_until_an_epoch_begins() {
    let world = World::new().await;
    published(&world, 11, 100).await;
    world.restore(11, 60).await;
    let relay = halts(&world).await;
    assert_eq!(begin_epoch(&world, false, 0).await, ("begun".to_owned(), 2));
    world.append(11, 70).await; // beyond the seqs that were lost
    world.until_published().await;
    world.assert_topic_holds_the_log().await;
    let newest = world.topic().await[&11].last().cloned().unwrap();
    assert_eq!((newest.epoch, newest.seq), (2, 130));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_grew_beyond_what_was_lost_is_found_out_all_the_same() {
    let world = World::new().await;
    published(&world, 12, 20).await;
    world.restore(12, 10).await;
    world.append(12, 30).await;
    halts(&world).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_relay_notices_that_the_log_went_back_and_that_an_epoch_began() {
    let world = World::new().await;
    let relay = world.relay().await;
    world.append(13, 40).await;
    world.until_published().await;
    world.restore(13, 30).await;
    relay.until(|metrics| metrics.halted.get() == 1).await;
    assert_eq!(begin_epoch(&world, false, 0).await.0, "begun");
    world.append(13, 5).await;
    world.until_published().await;
    world.assert_topic_holds_the_log().await;
    assert_eq!(begin_epoch(&world, false, 0).await, ("begun".to_owned(), 3));
    world.append(13, 1).await;
    world.until_published().await;
    assert_eq!(world.topic().await[&13].last().map(|record| (record.epoch, record.seq)), Some((3, 36)));
    relay.stop().await;
}

/// A backup of before the last epoch: its number must not be used again for something else.
#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_only_the_topic_knows_is_told_and_left_behind() {
    let world = World::new().await;
    published(&world, 14, 10).await;
    begin_epoch(&world, false, 0).await;
    published(&world, 14, 10).await;
    world.restore(14, 5).await;
    sqlx::query("DELETE FROM store.log_epochs WHERE epoch = 2").execute(&world.admin).await.unwrap();
    let relay = halts(&world).await;
    assert_eq!(begin_epoch(&world, false, 2).await, ("begun".to_owned(), 3));
    world.append(14, 7).await;
    world.until_published().await;
    world.assert_topic_holds_the_log().await;
    relay.stop().await;
}

#[tokio::test]
async fn an_epoch_begins_only_where_it_means_something() {
    let world = World::on(platform::kafka::Settings::plain("127.0.0.1:1", "none")).await;
    assert_eq!(begin_epoch(&world, false, 0).await, ("repeated".to_owned(), 1), "nothing was ever appended");
    world.append(1, 3).await;
    assert_eq!(begin_epoch(&world, false, 0).await, ("begun".to_owned(), 2));
    assert_eq!(begin_epoch(&world, false, 0).await, ("repeated".to_owned(), 2));
    assert_eq!(begin_epoch(&world, true, 0).await, ("begun".to_owned(), 3));
    let writer = PgConnection::connect_with(&world.database.options("writer")).await.unwrap();
    assert_eq!(begin_epoch(&world, true, 0).await.0, "writers");
    writer.close().await.unwrap();
    world
        .until("SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() AND usename = 'writer'")
        .await;
    sqlx::query("UPDATE store.partition_head SET seq = 9 WHERE partition = 1").execute(&world.admin).await.unwrap();
    assert_eq!(begin_epoch(&world, true, 0).await.0, "damaged");
    let refused = sqlx::query("SELECT store.begin_epoch(false, 0)").execute(&world.database.pool("relay").await).await;
    assert!(refused.is_err(), "only the owner begins an epoch");
}
