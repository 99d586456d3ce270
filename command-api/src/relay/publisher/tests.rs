use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::super::tests::record;
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_takes_nothing_until_a_delivery_makes_room() {
    let cluster: MockCluster<'static, DefaultProducerContext> = MockCluster::new(1).unwrap();
    cluster.create_topic("events", 64, 1).unwrap();
    let mut config = Settings::plain(&cluster.bootstrap_servers(), "events").producer_config();
    config.set("queue.buffering.max.messages", "10");
    cluster.broker_down(1).unwrap();
    let changed = Arc::new(Notify::new());
    let publisher = Publisher::of_config(config, "events", Arc::clone(&changed)).unwrap();
    let sent = (1..=20).take_while(|seq| publisher.send(&record(1, *seq)).is_ok()).count();
    assert_eq!(sent, 10);
    let heard = publisher.heard();
    assert!(heard.acked.is_empty() && heard.refused.is_empty() && !heard.broken, "full is no fault");
    cluster.broker_up(1).unwrap();
    let mut acked = vec![];
    while acked.len() < 10 {
        changed.notified().await;
        acked.extend(publisher.heard().acked);
    }
    assert_eq!(acked, (1..=10).map(|seq| (1, seq)).collect::<Vec<_>>());
    while publisher.send(&record(63, i64::from(i32::MAX))).is_err() {
        tokio::task::yield_now().await; // room is made just after the delivery is told
    }
    while publisher.heard().acked != [(63, i64::from(i32::MAX))] {
        changed.notified().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_purged_is_no_refusal() {
    let config = Settings::plain("127.0.0.1:1", "events").producer_config();
    let publisher = Publisher::of_config(config, "events", Arc::default()).unwrap();
    publisher.send(&record(1, 1)).unwrap();
    let heard = publisher.purge().await;
    assert!(heard.refused.is_empty() && heard.acked.is_empty() && heard.broken);
}
