//! Real streaming standbys: left out when they fall behind, fail or are promoted, and taken back.

use std::time::Duration;

use prometheus::Registry;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::postgres::replicas::{Limits, Metrics, Replicas};
use crate::testing::TestDatabase;

const PATIENCE: Duration = Duration::from_secs(30);
const QUICK: Limits = Limits {
    lag_max: Duration::from_millis(400),
    readmit_after: Duration::from_millis(300),
    look_every: Duration::from_millis(50),
};

async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("it never came to that: {what}"));
}

/// Something that moves the log of the primary.
async fn write(database: &TestDatabase) {
    let admin = database.admin_pool().await;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS public.touched (n int); INSERT INTO public.touched VALUES (1)")
        .execute(&admin)
        .await
        .unwrap();
}

async fn at(server: &crate::testing::PrivateCluster, statement: &'static str) {
    let mut admin = sqlx::PgConnection::connect_with(&server.admin()).await.unwrap();
    sqlx::raw_sql(statement).execute(&mut admin).await.unwrap();
}

#[tokio::test]
async fn a_standby_is_read_from_while_it_keeps_up_and_answers_and_follows() {
    let cluster = TestCluster::private().await;
    let database = cluster.database().await;
    let standby = cluster.server().unwrap().standby();
    let settings = Settings { connections: 2, ..Settings::default() };
    let primary = settings.reader(&secret(database.url("reader"))).unwrap();
    let replica = settings.replica(&secret(database.url_at(standby.port(), "reader"))).unwrap();
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let stop = CancellationToken::new();
    let replicas = Replicas::start(primary, vec![replica], QUICK, metrics.clone(), stop.clone());

    until("admitted", || replicas.pick() == Some(0)).await;
    at(&standby, "SELECT pg_wal_replay_pause()").await;
    write(&database).await;
    until("behind", || replicas.pick().is_none()).await;
    assert_eq!(metrics.ejections.with_label_values(&["0", "behind"]).get(), 1);
    at(&standby, "SELECT pg_wal_replay_resume()").await;
    until("caught up", || replicas.pick() == Some(0)).await;
    assert_eq!(metrics.admitted.with_label_values(&["0"]).get(), 1);

    standby.crash();
    until("away", || replicas.pick().is_none()).await;
    standby.resume();
    until("back", || replicas.pick() == Some(0)).await;

    at(&standby, "SELECT pg_promote()").await;
    until("promoted", || replicas.pick().is_none()).await;
    assert_eq!(metrics.ejections.with_label_values(&["0", "no-standby"]).get(), 1);
    stop.cancel();
}

#[tokio::test]
async fn a_standby_whose_stream_is_cut_falls_behind_although_it_has_replayed_all_it_got() {
    let cluster = TestCluster::private().await;
    let database = cluster.database().await;
    let standby = cluster.server().unwrap().standby();
    let settings = Settings { connections: 2, ..Settings::default() };
    let primary = settings.reader(&secret(database.url("reader"))).unwrap();
    let replica = settings.replica(&secret(database.url_at(standby.port(), "reader"))).unwrap();
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let stop = CancellationToken::new();
    let replicas = Replicas::start(primary, vec![replica], QUICK, metrics, stop.clone());
    until("admitted", || replicas.pick() == Some(0)).await;
    at(&standby, "ALTER SYSTEM SET primary_conninfo = ''; ").await;
    at(&standby, "SELECT pg_reload_conf()").await;
    write(&database).await;
    until("behind", || replicas.pick().is_none()).await;
    stop.cancel();
}
