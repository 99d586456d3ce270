use platform::kafka::Settings;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::world::World;

type Cluster = MockCluster<'static, DefaultProducerContext>;

async fn world() -> (Cluster, World) {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("events", 64, 1).unwrap();
    let world = World::on(Settings::plain(&cluster.bootstrap_servers(), "events")).await;
    (cluster, world)
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_pass_are_outlived() {
    use RDKafkaRespErr::{
        RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    };
    let (cluster, world) = world().await;
    let errors = [
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    ];
    let relay = world.relay().await;
    for round in 0..4 {
        cluster.request_errors(RDKafkaApiKey::Produce, &errors);
        for partition in [1, 2] {
            world.append(partition, 50 + round).await;
        }
        world.until_published().await;
    }
    world.assert_topic_holds_the_log().await;
    assert_eq!(relay.metrics.failures.get(), 0);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_refused_for_good_is_sent_again_and_none_overtakes_it() {
    use RDKafkaRespErr::{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED};
    let (cluster, world) = world().await;
    for partition in [1, 2, 40] {
        world.append(partition, 1_000).await; // several batches
    }
    let errors = [RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE];
    cluster.request_errors(RDKafkaApiKey::Produce, &errors.repeat(2));
    let relay = world.relay().await;
    relay.until(|metrics| metrics.failures.get() > 0 && metrics.producers.get() > 1).await;
    world.append(2, 20).await;
    world.until_published().await;
    world.assert_topic_holds_the_log().await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_lag_and_nothing_else() {
    let (cluster, world) = world().await;
    let relay = world.relay().await;
    world.append(6, 10).await;
    world.until_published().await;
    cluster.broker_down(1).unwrap();
    world.append(6, 200).await;
    relay.until(|metrics| metrics.lag_events.get() == 200).await;
    assert_eq!(relay.status.ready(), Ok(()));
    assert_eq!(relay.metrics.failures.get(), 0);
    cluster.broker_up(1).unwrap();
    world.until_published().await;
    world.assert_topic_holds_the_log().await;
    relay.stop().await;
}
