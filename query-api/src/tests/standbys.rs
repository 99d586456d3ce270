//! Reads at a real streaming standby: never behind what the caller has seen, and no failure when it dies.

use std::time::Duration;

use futures_util::future::{join, join_all};
use platform::{
    env::Secret,
    postgres::{Settings, replicas::Limits},
    testing::{PrivateCluster, TestCluster},
};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::world::{World, get};
use crate::freshness::partition_of;

/// Far behind is still good enough here, so that what is read shows where it was read.
const PATIENT: Limits = Limits {
    lag_max: Duration::from_secs(600),
    readmit_after: Duration::from_millis(200),
    look_every: Duration::from_millis(50),
};
const CALLERS: usize = 8;
const READS_EACH: usize = 40;
const WAIT_MAX: Duration = Duration::from_secs(30);

struct Stage {
    world: World,
    standby: PrivateCluster,
    tenant: Uuid,
    token: String,
    _primary: TestCluster,
}

async fn stage() -> Stage {
    let primary = TestCluster::private().await;
    let database = primary.database().await;
    let standby = primary.server().unwrap().standby();
    let settings = Settings { connections: 8, ..Settings::default() };
    let reader = settings.reader(&Secret::new(database.url("reader"))).unwrap();
    let replica = settings.replica(&Secret::new(database.url_at(standby.port(), "reader"))).unwrap();
    let world = World::on(database, reader, vec![replica], PATIENT).await;
    let tenant = world.organization("acme").await;
    world.devices(tenant, 1).await;
    let token = world.user(tenant, "viewer").await;
    let stage = Stage { world, standby, tenant, token, _primary: primary };
    stage.until_the_standby_shows(1).await;
    stage
}

impl Stage {
    async fn devices(&self) -> usize {
        self.world.read(&self.token, "/v1/devices").await["items"].as_array().unwrap().len()
    }

    async fn until_the_standby_shows(&self, devices: usize) {
        let waiting = async {
            loop {
                let before = self.world.api.metrics().replica_reads.get();
                let shown = self.devices().await;
                if self.world.api.metrics().replica_reads.get() > before && shown == devices {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(WAIT_MAX, waiting).await.expect("the standby answers");
    }

    async fn at_the_standby(&self, statement: &'static str) {
        let mut admin = PgConnection::connect_with(&self.standby.admin()).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut admin).await.unwrap();
    }
}

#[actix_web::test]
async fn a_reader_sees_its_own_writes_although_the_standby_has_not_replayed_them() {
    let stage = stage().await;
    let world = &stage.world;
    stage.at_the_standby("SELECT pg_wal_replay_pause()").await;
    sqlx::query("DELETE FROM read_g1.device_totals").execute(&world.admin).await.unwrap();
    world.devices(stage.tenant, 1).await;
    world.checkpoint(stage.tenant, "devices", 7).await;
    assert_eq!(stage.devices().await, 1, "without a position the standby answers as of its time");

    let position = format!("1.{}.7", partition_of(stage.tenant));
    let with_position = || get(&stage.token, "/v1/devices").insert_header(("x-consistency", position.clone()));
    for _ in 0..5 {
        let answer = world.call(with_position()).await;
        assert_eq!((answer.status, answer.json()["items"].as_array().unwrap().len()), (200, 2));
    }
    assert!(world.api.metrics().replica_fallbacks.get() >= 5, "the primary answered");
    assert_eq!(world.api.metrics().consistency_timeouts.get(), 0);

    stage.at_the_standby("SELECT pg_wal_replay_resume()").await;
    stage.until_the_standby_shows(2).await;
    let before = world.api.metrics().replica_reads.get();
    let answer = world.call(with_position()).await;
    assert_eq!((answer.status, answer.json()["items"].as_array().unwrap().len()), (200, 2));
    assert_eq!(world.api.metrics().replica_reads.get(), before + 1, "and now the standby does");
}

#[actix_web::test]
async fn a_log_out_bites_although_the_standby_has_not_replayed_it() {
    let stage = stage().await;
    stage.at_the_standby("SELECT pg_wal_replay_pause()").await;
    sqlx::query("UPDATE store.streams SET open = false WHERE kind = 'session'")
        .execute(&stage.world.admin)
        .await
        .unwrap();
    let waiting = async {
        while stage.world.get(&stage.token, "/v1/devices").await.status != 401 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(1), waiting).await.expect("within a second");
}

#[actix_web::test]
async fn a_standby_that_is_killed_under_load_costs_nobody_an_answer() {
    let stage = stage().await;
    let reads_before = stage.world.api.metrics().replica_reads.get();
    let position = format!("1.{}.0", partition_of(stage.tenant));
    let reading = join_all((0..CALLERS).map(|caller| {
        let (stage, position) = (&stage, position.clone());
        async move {
            for _ in 0..READS_EACH {
                let mut request = get(&stage.token, "/v1/devices");
                if caller % 2 == 0 {
                    request = request.insert_header(("x-consistency", position.clone()));
                }
                let answer = stage.world.call(request).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
            }
        }
    }));
    let killing = async {
        while stage.world.api.metrics().replica_reads.get() < reads_before + 20 {
            tokio::task::yield_now().await;
        }
        let crash = || stage.standby.crash();
        std::thread::scope(|scope| scope.spawn(crash).join().unwrap());
    };
    join(reading, killing).await;
    stage.standby.resume();
    stage.until_the_standby_shows(1).await;
}
