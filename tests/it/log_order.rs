//! The order of the log, whoever writes it and whoever is in the way: what readers of the feed see, how long a stalled
//! writer holds others up, and that the read models are the fold of it under any schedule.

mod readers;
mod schedules;
mod writers;

use std::time::{Duration, Instant};

use acceptance::callers::Organization;
use acceptance::cluster::{Gate, Passing, superuser_pool};
use acceptance::dice::Dice;
use acceptance::eventually::until;
use acceptance::history::Log;
use acceptance::server::{Server, signal};
use domain::vocabulary::{TenantId, partition_of};
use platform::testing::TestCluster;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use readers::Readers;
use writers::Writers;

/// Tenants of as many partitions.
const TENANTS: usize = 4;
const PAUSES: usize = 24;
/// How often readers look while a transaction stands still.
const LOOKS: u64 = 12;
/// A writer waits for a lock for a second (`migrations/roles.sql`); the rest is for a machine under load.
const HELD_UP_MAX: Duration = Duration::from_millis(2_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_sees_a_later_version_first_or_a_gap_while_transactions_stand_still_before_their_commit() {
    let mut dice = Dice::thrown("pauses");
    // A cluster of its own, since stopped backends are of no use to others.
    let cluster = TestCluster::private().await;
    let database = cluster.database().await;
    let admin = database.admin_pool().await;
    let mut gate = Gate::build(&database.admin(), Passing::Appends).await;
    let tenants = in_different_partitions(TENANTS);
    let readers = Readers::start(&database).await;
    let writers = Writers::start(&database, &tenants);
    for _ in 0..PAUSES {
        let partition = i16::from(partition_of(dice.one_of(&tenants)));
        gate.close(partition).await;
        let backend = gate.caught(partition).await;
        if dice.below(2) == 0 {
            signal("STOP", backend);
            gate.open(partition).await;
            readers.look(LOOKS).await;
            signal("CONT", backend);
        } else {
            readers.look(LOOKS).await;
            gate.open(partition).await;
        }
    }
    let appended = writers.finish().await;
    let seen = readers.finish(&admin).await;
    let log = Log::read(&admin).await;
    assert_eq!(log.entries.len(), appended, "each acknowledged event is there, and no other");
    assert_eq!(seen, appended, "each reader saw all of them");
    assert!(appended > PAUSES * TENANTS, "writers were at work");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_writer_holds_up_its_own_partition_alone_and_no_longer_than_its_time_out() {
    let server = Server::start_private().await;
    let (stalled, free) = organizations_of_one_appender(&server).await;
    let (behind, beside) = (stalled.administrator.clone(), free.administrator.clone());
    let mut writer = PgConnection::connect(&server.postgres_url("writer")).await.unwrap();
    let lock = "SELECT seq FROM store.partition_head WHERE partition = $1 FOR UPDATE";
    sqlx::raw_sql("BEGIN").execute(&mut writer).await.unwrap();
    sqlx::query(lock).bind(partition_number(&stalled)).execute(&mut writer).await.unwrap();

    let held_up = tokio::spawn(async move { behind.post("/v1/devices", json!({ "addresses": ["10.0.0.7"] })).await });
    let admin = superuser_pool(&server).await;
    until("a command behind the stalled writer", async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'writer'";
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&admin).await.unwrap();
        (waiting > 0).then_some(())
    })
    .await;
    let mut longest = Duration::ZERO;
    let mut answered = 0;
    while !held_up.is_finished() {
        let started = Instant::now();
        let host = format!("host-{answered}");
        beside.post("/v1/devices", json!({ "host_name": host })).await.expect(201);
        longest = longest.max(started.elapsed());
        answered += 1;
    }
    assert!(longest < HELD_UP_MAX, "a writer of another partition held a command up for {longest:?}");
    assert!(answered > 10, "only {answered} commands went on beside the stalled writer");
    // The stalled writer was ended by its own time-out, and then its partition went on, too.
    held_up.await.unwrap().expect(201);
    assert!(sqlx::query("SELECT 1").execute(&mut writer).await.is_err(), "an idle transaction is ended");
    Log::read_with_models(&admin).await;
}

#[test]
fn whatever_is_decided_and_however_it_is_projected_the_read_models_are_the_fold_of_the_log() {
    schedules::try_many();
}

/// In one process they share an appender, so the one could be in the other's way.
async fn organizations_of_one_appender(server: &Server) -> (Organization, Organization) {
    let stalled = Organization::found(server).await;
    loop {
        let free = Organization::found(server).await;
        let (one, other) = (partition_number(&stalled), partition_number(&free));
        if one != other && one % 2 == other % 2 {
            return (stalled, free);
        }
    }
}

fn partition_number(organization: &Organization) -> i16 {
    i16::from(partition_of(TenantId::new(organization.id)))
}

fn in_different_partitions(count: usize) -> Vec<TenantId> {
    let mut tenants: Vec<TenantId> = vec![];
    while tenants.len() < count {
        let tenant = TenantId::new(Uuid::now_v7());
        if tenants.iter().all(|known| partition_of(*known) != partition_of(tenant)) {
            tenants.push(tenant);
        }
    }
    tenants
}
