//! Consumers that are not ours: the documented example, killed in the middle of a topic full of repetitions; and the
//! CloudEvents project's own parser over every message.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use acceptance::callers::Organization;
use acceptance::cluster::superuser_pool;
use acceptance::dice::Dice;
use acceptance::eventually::until;
use acceptance::history::Log;
use acceptance::server::Server;
use acceptance::topic::{create, publish, record};
use event_schemas::topic::Record;
use platform::testing::kafka;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::tools::{python, root, said};

const FINDINGS: usize = 40;
/// How far back a repetition may begin, as after a relay that lost its lease.
const REPEATED_MAX: usize = 20;

/// What a stream's reader did, in the order in which it did it.
type Effects = HashMap<String, Vec<(i64, String, Value)>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_keeps_the_order_of_each_stream_and_does_nothing_twice_though_it_is_killed() {
    let mut dice = Dice::thrown("consumer");
    let log = a_log().await;
    let kafka = kafka().await;
    let topic = kafka.topic();
    create(kafka.bootstrap(), &topic).await;
    publish(kafka.bootstrap(), &topic, &with_repetitions(&log, &mut dice)).await;

    let place = tempdir();
    let mut example = Example::start(kafka.bootstrap(), &topic, &place);
    until("some effects", async || (example.effects_count() > log.len() / 3).then_some(())).await;
    example.kill_9();
    let before = example.effects_count();
    assert!(before < log.len() * 2, "{before}");
    let mut example = Example::start(kafka.bootstrap(), &topic, &place);
    until("all effects", async || (example.effects_count() >= log.len()).then_some(())).await;
    // Something new at the very end: whatever was still to be repeated came before it.
    let last = a_last_record(&log);
    publish(kafka.bootstrap(), &topic, &last).await;
    let all = log.len() + last.len();
    until("the last effects", async || (example.effects_count() >= all).then_some(())).await;
    example.kill_9();

    let expected = effects_of(log.iter().chain(&last));
    assert_eq!(example.effects(), expected);
    std::fs::remove_dir_all(&place).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_is_an_event_to_the_cloudevents_projects_own_parser() {
    let log = a_log().await;
    let kafka = kafka().await;
    let topic = kafka.topic();
    create(kafka.bootstrap(), &topic).await;
    publish(kafka.bootstrap(), &topic, &log).await;
    let script = root().join("dev-tools/python/read_cloudevents.py");
    let mut command = Command::new(python("python"));
    command.arg(script).args([kafka.bootstrap(), &topic]);
    let read = tokio::task::spawn_blocking(move || said(&mut command)).await.unwrap();
    let read: Vec<Value> = read.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut read: HashMap<&str, &Value> =
        read.iter().map(|event| (event["attributes"]["id"].as_str().unwrap(), event)).collect();
    for event in &log {
        let said = read.remove(event.event_id.to_string().as_str()).expect("each event is there");
        let attributes = &said["attributes"];
        assert_eq!(said["partition"], event.partition);
        assert_eq!(attributes["specversion"], "1.0");
        assert_eq!(attributes["type"], event.type_name);
        assert_eq!(attributes["subject"], event.stream.to_string());
        assert_eq!(attributes["partitionkey"], event.stream.to_string(), "key and subject are the same");
        assert_eq!(attributes["datacontenttype"], "application/json");
        assert_eq!(attributes["sequence"].as_str().unwrap().parse::<i64>().unwrap(), event.seq);
        assert_eq!(said["data"], body(event));
    }
    assert!(read.is_empty(), "{read:?}");
}

/// What a running system has written down: accounts, devices, findings that change.
async fn a_log() -> Vec<Record> {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let analyst = organization.analyst().await;
    for number in 0..FINDINGS {
        let finding = json!({ "type": "vulnerability", "title": format!("Weakness {number}"), "severity": "high" });
        let finding = analyst.post("/v1/findings", finding).await.expect(201).id();
        analyst.post_nothing(&format!("/v1/findings/{finding}/confirm")).await.expect(200);
        analyst.post(&format!("/v1/findings/{finding}/note"), json!({ "text": "seen" })).await.expect(200);
    }
    let log = Log::read(&superuser_pool(server).await).await;
    log.entries.iter().map(record).collect()
}

/// Now and then the relay begins again somewhat earlier, each partition by itself.
fn with_repetitions(log: &[Record], dice: &mut Dice) -> Vec<Record> {
    let mut sent = vec![];
    for (at, record) in log.iter().enumerate() {
        sent.push(record.clone());
        if dice.below(15) == 0 {
            let again = &log[at.saturating_sub(dice.below(REPEATED_MAX))..=at];
            sent.extend(again.iter().filter(|earlier| earlier.partition == record.partition).cloned());
        }
    }
    assert!(sent.len() > log.len() + log.len() / 10, "there are repetitions");
    sent
}

/// One more event for each partition that has some, with a hole in no stream.
fn a_last_record(log: &[Record]) -> Vec<Record> {
    let mut lasts: HashMap<i16, &Record> = HashMap::new();
    lasts.extend(log.iter().map(|record| (record.partition, record)));
    let next = |last: &Record| Record { seq: last.seq + 1, stream_version: last.stream_version + 1, ..last.clone() };
    lasts.into_values().map(next).collect()
}

fn effects_of<'a>(log: impl Iterator<Item = &'a Record>) -> Effects {
    let mut effects = Effects::new();
    for record in log {
        let effect = (record.stream_version, record.type_name.clone(), body(record));
        effects.entry(record.stream.to_string()).or_default().push(effect);
    }
    effects
}

fn body(record: &Record) -> Value {
    serde_json::from_slice(record.body.as_ref().unwrap()).unwrap()
}

/// `examples/consumer.py` as a process, in a folder where it keeps its database.
struct Example {
    process: Child,
    database: String,
}

impl Example {
    fn start(brokers: &str, topic: &str, place: &Path) -> Self {
        let mut command = Command::new(python("python"));
        command.arg(root().join("examples/consumer.py")).args([brokers, topic, "example"]).current_dir(place);
        let process = command.stdin(Stdio::null()).spawn().unwrap();
        Self { process, database: place.join("example.db").to_str().unwrap().to_owned() }
    }

    fn kill_9(&mut self) {
        assert!(self.process.try_wait().unwrap().is_none(), "it runs until it is killed");
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn effects_count(&self) -> usize {
        self.ask("SELECT count(*) FROM effects").and_then(|rows| rows[0][0].as_u64()).map_or(0, |n| n as usize)
    }

    fn effects(&self) -> Effects {
        let mut effects = Effects::new();
        let rows = self.ask("SELECT stream, version, type, body FROM effects ORDER BY number").unwrap();
        for row in rows.as_array().unwrap() {
            let text = |column: usize| row[column].as_str().unwrap().to_owned();
            let body = serde_json::from_str(&text(3)).unwrap();
            effects.entry(text(0)).or_default().push((row[1].as_i64().unwrap(), text(2), body));
        }
        effects
    }

    /// None before it has made its tables.
    fn ask(&self, sql: &str) -> Option<Value> {
        let script = "import json, sqlite3, sys
print(json.dumps(sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True).execute(sys.argv[2]).fetchall()))";
        let output = Command::new("python3").args(["-c", script, &self.database, sql]).output().unwrap();
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn tempdir() -> std::path::PathBuf {
    let place = std::env::temp_dir().join(format!("securenet-consumer-{}", Uuid::now_v7().simple()));
    std::fs::create_dir_all(&place).unwrap();
    place
}
