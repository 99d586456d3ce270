use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn the_topic_holds_the_log_byte_by_byte_and_in_order() {
    let world = World::new().await;
    for partition in [0, 7, 63] {
        world.append(partition, 300).await;
    }
    let relay = world.relay().await;
    for partition in [7, 8, 7, 9] {
        world.append(partition, 100).await;
    }
    world.until_published().await;
    assert_eq!(world.assert_topic_holds_the_log().await, 0, "nothing failed, so nothing is there twice");
    relay.until(|metrics| metrics.lag_events.get() == 0).await;
    assert_eq!(relay.metrics.published.get(), 1_300);
    relay.stop().await;

    world.append(8, 10).await;
    let next = world.relay().await;
    world.until_published().await;
    next.stop().await;
    assert_eq!(world.assert_topic_holds_the_log().await, 0, "the next one begins where the one before ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_event_has_a_null_value() {
    let world = World::new().await;
    world.append(3, 2).await;
    let mut purge = world.admin.begin().await.unwrap();
    sqlx::query("SET LOCAL session_replication_role = replica").execute(&mut *purge).await.unwrap();
    sqlx::query("UPDATE store.events SET body = NULL WHERE seq = 1").execute(&mut *purge).await.unwrap();
    purge.commit().await.unwrap();
    let relay = world.relay().await;
    world.until_published().await;
    world.assert_topic_holds_the_log().await;
    assert_eq!(world.topic().await[&3][0].body, None);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_late_gets_everything() {
    let world = World::without_topic().await;
    world.append(5, 50).await;
    let relay = world.relay().await;
    relay.until(|metrics| metrics.lag_events.get() == 50 && metrics.lag_seconds.get() > 0.0).await;
    assert_eq!(relay.status.ready(), Ok(()), "Kafka's faults are lag");
    platform::kafka::topics::apply(&world.kafka).await.unwrap();
    world.until_published().await;
    world.assert_topic_holds_the_log().await;
    relay.stop().await;
}
