//! Random histories under random schedules: several organizations live at once while a projector is started with some
//! batch size, torn off somewhere, and started again. At the end its tables must be the fold of the log.

mod wishes;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use acceptance::eventually::until;
use acceptance::history::Log;
use domain::vocabulary::{TenantId, partition_of};
use futures_util::future::join_all;
use platform::testing::{TestDatabase, database};
use projector::{CONNECTIONS, Config, Metrics, Projector};
use prometheus::Registry;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::writers::appender;
use wishes::Wish;
use world::World;

/// Each takes a database and most of a second.
const CASES: u32 = 8;
const SHRINKS_MAX: u32 = 40;
const ORGANIZATIONS: usize = 3;
const WISHES: std::ops::Range<usize> = 20..90;

#[derive(Debug, Clone)]
struct Schedule {
    /// Of each organization, in order.
    wishes: Vec<Vec<Wish>>,
    runs: Vec<Run>,
}

/// One life of a projector.
#[derive(Debug, Clone)]
struct Run {
    batch_events: usize,
    /// Torn off once it has applied so many; zero is before it has done anything.
    events: i64,
}

pub(super) fn try_many() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let cases = Cases { cases: CASES, max_shrink_iters: SHRINKS_MAX, failure_persistence: None, ..Cases::default() };
    let tried = TestRunner::new(cases).run(&schedules(), |schedule| {
        runtime.block_on(carry_out(schedule));
        Ok(())
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let wish = (0_u8..32, any::<u8>(), any::<u8>()).prop_map(|(what, which, how)| Wish { what, which, how });
    let run = (1_usize..40, 0_i64..120).prop_map(|(batch_events, events)| Run { batch_events, events });
    let wishes = proptest::collection::vec(proptest::collection::vec(wish, WISHES), ORGANIZATIONS);
    (wishes, proptest::collection::vec(run, 0..6)).prop_map(|(wishes, runs)| Schedule { wishes, runs })
}

async fn carry_out(schedule: Schedule) {
    let database = database().await;
    let admin = database.admin_pool().await;
    let appender = appender(&database);
    let done = Arc::new(AtomicBool::new(false));
    let lives = schedule.wishes.into_iter().enumerate().map(|(number, wishes)| {
        let mut world = World::new(tenant(number), appender.clone());
        async move {
            world.found().await;
            for wish in wishes {
                world.fulfil(wish).await;
            }
        }
    });
    let writing = async {
        join_all(lives).await;
        done.store(true, Ordering::Relaxed);
    };
    let projecting = async {
        for run in &schedule.runs {
            project(&database, &admin, run, &done).await;
        }
    };
    tokio::join!(writing, projecting);
    let last = start(&database, Config::default().batch_events);
    Log::read_with_models(&admin).await;
    last.await_end().await;
}

/// Two of the three share a partition, so that their events mix in it.
fn tenant(number: usize) -> TenantId {
    loop {
        let tenant = TenantId::new(Uuid::now_v7());
        if usize::from(partition_of(tenant)) == number / 2 {
            return tenant;
        }
    }
}

async fn project(database: &TestDatabase, admin: &PgPool, run: &Run, done: &AtomicBool) {
    let applied = async || {
        let applied: i64 = sqlx::query_scalar("SELECT coalesce(sum(seq), 0)::bigint FROM read.checkpoints")
            .fetch_one(admin)
            .await
            .unwrap();
        applied
    };
    let goal = applied().await + run.events;
    let life = start(database, run.batch_events);
    until("events applied", async || {
        // With nothing more to come, the goal may lie beyond the end.
        (applied().await >= goal || done.load(Ordering::Relaxed)).then_some(())
    })
    .await;
    life.tear_off().await;
}

/// A projector at work.
struct Life {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn start(database: &TestDatabase, batch_events: usize) -> Life {
    let options = database.url("projector").parse().unwrap();
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options);
    let config = Config { batch_events, ..Config::default() };
    let projector = Projector::new(pool, config, Metrics::register(&Registry::new()).unwrap());
    let stop = CancellationToken::new();
    let running = projector.run(stop.clone(), Arc::new(Notify::new()));
    Life { stop, task: tokio::spawn(async move { running.await.unwrap() }) }
}

impl Life {
    /// In the middle of whatever it does: its connections go, and with them its open transactions.
    async fn tear_off(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|ended| ended.is_cancelled()), "it ended by itself");
    }

    async fn await_end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}
