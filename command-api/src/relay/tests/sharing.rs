use uuid::Uuid;

use super::super::lanes::Point;
use super::super::leases::{self, Held};
use super::world::{LEASE, World, until};

#[tokio::test(flavor = "multi_thread")]
async fn relays_share_the_partitions_and_inherit_from_the_dead() {
    let world = World::new().await;
    let one = world.relay().await;
    one.until(|metrics| metrics.held.get() == 64).await;
    let other = world.relay().await;
    until(async || one.metrics.held.get() == 32 && other.metrics.held.get() == 32).await;
    for partition in 0..64 {
        world.append(partition, 5).await;
    }
    world.until_published().await;
    assert_eq!(one.metrics.published.get() + other.metrics.published.get(), 320);
    other.kill().await;
    one.until(|metrics| metrics.held.get() == 64).await;
    for partition in 0..64 {
        world.append(partition, 1).await;
    }
    world.until_published().await;
    world.assert_topic_holds_the_log().await;
    one.stop().await;
    world.until("SELECT count(*) = 64 FROM store.relay_partitions WHERE expires_at < now()").await;
    world.until("SELECT count(*) = 0 FROM store.relay_members WHERE expires_at > now()").await;
}

/// Another takes the leases over and over while messages are in flight.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_loses_leases_in_mid_flight_loses_no_event() {
    let world = World::new().await;
    let relays = [world.relay().await, world.relay().await];
    for round in 0..6 {
        for partition in [1, 2, 33, 34] {
            world.append(partition, 100).await;
        }
        sqlx::query(
            "UPDATE store.relay_partitions SET holder = $1, lease_epoch = lease_epoch + 1, expires_at = clock_timestamp()
             WHERE partition = ANY ($2)",
        )
        .bind(Uuid::now_v7())
        .bind(vec![1_i16 + 32 * (round % 2), 2 + 32 * (round % 2)])
        .execute(&world.admin)
        .await
        .unwrap();
    }
    world.until_published().await;
    until(async || relays.iter().map(|relay| relay.metrics.leases_lost.get()).sum::<u64>() > 0).await;
    world.assert_topic_holds_the_log().await;
    for relay in relays {
        relay.stop().await;
    }
}

#[tokio::test]
async fn whoever_was_fenced_moves_nothing() {
    let database = platform::testing::database().await;
    let mut relay = database.pool("relay").await.acquire().await.unwrap();
    let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
    let taken = leases::take(&mut relay, one, 3, LEASE).await.unwrap();
    assert_eq!(taken.len(), 3);
    assert_eq!(leases::take(&mut relay, other, 64, LEASE).await.unwrap().len(), 61, "what is held is not to be had");
    let held: Vec<Held> =
        taken.iter().map(|lease| Held { partition: lease.partition, lease_epoch: lease.lease_epoch }).collect();
    let points: Vec<(Held, Point)> = held.iter().map(|held| (*held, Point { epoch: 1, seq: 5 })).collect();
    assert_eq!(leases::checkpoint(&mut relay, one, &points).await.unwrap().len(), 3);
    leases::release(&mut relay, one, &held[..1]).await.unwrap();
    let again = leases::take(&mut relay, other, 64, LEASE).await.unwrap();
    assert_eq!((again.len(), again[0].seq, again[0].lease_epoch), (1, 5, 2), "the next begins at the checkpoint");
    assert_eq!(leases::checkpoint(&mut relay, one, &points).await.unwrap().len(), 2);
    assert_eq!(leases::renew(&mut relay, one, &held, LEASE).await.unwrap().len(), 2);
    assert_eq!(leases::renew(&mut relay, other, &held, LEASE).await.unwrap().len(), 0, "an epoch of before");
}
