//! Random faults over mixed load: nothing that was acknowledged is lost, nothing happens twice, nothing is out of order.
//!
//! `SECURENET_CHAOS_FAULTS` makes it longer (`./dev test --slow` asks for 200), `SECURENET_CHAOS_SEED` repeats a run.

use std::collections::HashMap;
use std::process::Command;

use acceptance::chaos::stage::Stage;
use acceptance::chaos::{Aftermath, run};
use acceptance::cluster::superuser_pool;
use acceptance::dice::Dice;
use acceptance::eventually::until;
use acceptance::history::Log;
use acceptance::load::{Told, assert_agrees};
use acceptance::server::{Role, Shape};
use acceptance::topic::{read, record};
use event_schemas::topic::TOPIC;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

const FAULTS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_strikes_one_process_and_its_postgres_the_log_is_whole_and_the_read_models_are_its_fold() {
    strike(Shape::Plain, "chaos, one process").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_strikes_the_shape_of_production_the_log_is_whole_and_everything_that_follows_from_it_agrees() {
    strike(Shape::Full, "chaos, all processes").await;
}

async fn strike(shape: Shape, name: &str) {
    let mut dice = Dice::seeded_by("SECURENET_CHAOS_SEED", name);
    let mut stage = Stage::open(shape).await;
    let aftermath = run(&mut stage, faults(), &mut dice).await;
    judge(&stage, &aftermath).await;
}

async fn judge(stage: &Stage, aftermath: &Aftermath) {
    let admin = superuser_pool(stage.server()).await;
    let log = Log::read_with_models(&admin).await;
    assert_agrees(&log, &aftermath.ledger);
    if stage.server().shape() == Shape::Full {
        assert_topic_is(&log, &stage.kafka()).await;
        assert_redis_is_postgres(stage, &admin, &aftermath.organizations).await;
    }
    let count = |told: fn(&Told) -> bool| aftermath.ledger.iter().filter(|sent| told(&sent.told)).count();
    let accepted = count(|told| matches!(told, Told::Accepted { .. }));
    let unanswered = count(|told| matches!(told, Told::Nothing));
    assert!(accepted > aftermath.faults.len(), "only {accepted} commands were accepted, so this proves little");
    assert!(unanswered > 0, "no command was under way at any fault, so this proves little");
}

/// First occurrences of each partition in order and complete; what comes again is what came before.
async fn assert_topic_is(log: &Log, bootstrap: &str) {
    let mut ends: HashMap<i32, usize> = HashMap::new();
    log.entries.iter().for_each(|entry| *ends.entry(i32::from(entry.row.partition)).or_default() += 1);
    let topic = until("every event in the topic", async || {
        let bootstrap = bootstrap.to_owned();
        let topic = tokio::task::spawn_blocking(move || read(&bootstrap, TOPIC)).await.unwrap();
        let last = |partition: &i32| topic.get(partition).and_then(|records| records.iter().map(|one| one.seq).max());
        ends.iter().all(|(partition, end)| last(partition) == Some(*end as i64)).then_some(topic)
    })
    .await;
    for (partition, records) in &topic {
        let mut end = 0;
        for found in records {
            assert!(found.seq <= end + 1, "partition {partition} has {} after {end}", found.seq);
            end = end.max(found.seq);
            let entry = log.at(found.partition, found.seq);
            assert_eq!(entry.map(record).as_ref(), Some(found), "what is published is what was recorded");
        }
    }
    assert_eq!(topic.len(), ends.len(), "the topic has what the log has not");
}

/// Once nothing is owed, what Redis keeps of an organization is what Postgres would say.
async fn assert_redis_is_postgres(stage: &Stage, admin: &PgPool, organizations: &[Uuid]) {
    until("nothing is owed to Redis", async || {
        let owed: i64 = sqlx::query_scalar("SELECT count(*) FROM read.redis_owed").fetch_one(admin).await.ok()?;
        (owed == 0).then_some(())
    })
    .await;
    let address = stage.server().address_of(Role::Redis, 0);
    let (host, port) = address.rsplit_once(':').unwrap();
    let redis = |arguments: &[&str]| {
        let output = Command::new("redis-cli").args(["-h", host, "-p", port]).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    for organization in organizations {
        let keys = redis(&["--scan", "--pattern", &format!("*copy:{{{organization}}}:summary")]);
        assert_eq!(keys.lines().count(), 1, "{keys}");
        let copied: Value = serde_json::from_str(&redis(&["HGET", &keys, "rows"])).unwrap();
        let rows: String =
            sqlx::query_scalar("SELECT read.summary_rows($1)").bind(organization).fetch_one(admin).await.unwrap();
        assert_eq!(copied, serde_json::from_str::<Value>(&rows).unwrap());
    }
}

fn faults() -> usize {
    let named = std::env::var("SECURENET_CHAOS_FAULTS").ok();
    named.map_or(FAULTS, |number| number.parse().expect("a number of faults is a number"))
}
