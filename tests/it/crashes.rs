//! Bad luck at any moment: the process is killed, Postgres crashes or is restarted. What was acknowledged stays, nothing
//! happens twice, and no answer says other than the log does.

use std::time::Duration;

use acceptance::callers::{Answer, Client, Organization, Person, try_send};
use acceptance::cluster::{Gate, Passing, Postmaster, superuser, superuser_pool};
use acceptance::dice::Dice;
use acceptance::eventually::until;
use acceptance::history::Log;
use acceptance::load::{Load, Told, assert_agrees, note};
use acceptance::server::Server;
use domain::vocabulary::{TenantId, partition_of};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::sync::oneshot;
use uuid::Uuid;

const SENDERS: usize = 8;
const PARALLEL_REQUESTS: usize = 50;
/// Between two tries at a server that is being restarted.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Where a kill finds the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Any,
    /// An append is written and not committed. It commits after its sender's death, or never.
    BeforeAnAppendCommits,
    /// Rows and checkpoint of a projection are written and not committed.
    BeforeAProjectionCommits,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_moment_loses_nothing_that_was_acknowledged_and_applies_nothing_twice() {
    let mut dice = Dice::thrown("kills");
    let mut server = Server::start_private().await;
    let organization = Organization::found(&server).await;
    let partition = i16::from(partition_of(TenantId::new(organization.id)));
    let analyst = organization.analyst().await;
    let load = Load::start(clients(&server, &analyst), &mut dice);
    let signing_in = tokio::spawn(sign_in_again_and_again(analyst.clone()));
    for moment in [
        Moment::Any,
        Moment::BeforeAnAppendCommits,
        Moment::BeforeAProjectionCommits,
        Moment::Any,
        Moment::BeforeAProjectionCommits,
        Moment::BeforeAnAppendCommits,
    ] {
        load.accepts(10 + dice.below(60)).await;
        let gate = kill(&mut server, moment, partition, &mut dice).await;
        server.restart().await;
        drop(gate);
    }
    load.accepts(20).await;
    let ledger = load.finish().await;
    assert!(!signing_in.is_finished(), "signing in went on to the end");
    signing_in.abort();
    let admin = superuser_pool(&server).await;
    let log = Log::read_with_models(&admin).await;
    assert_agrees(&log, &ledger);
    let broken = ledger.iter().filter(|sent| sent.told == Told::Nothing).count();
    assert!(broken > 0, "no command was under way at any kill, so this proves nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_idempotency_key_fifty_times_at_once_with_kills_in_between_is_one_effect_and_one_answer() {
    let mut dice = Dice::thrown("keys");
    let mut server = Server::start_private().await;
    let organization = Organization::found(&server).await;
    let partition = i16::from(partition_of(TenantId::new(organization.id)));
    let analyst = organization.analyst().await;
    for moment in [Moment::Any, Moment::BeforeAnAppendCommits] {
        let mark = format!("mark-{}", Uuid::now_v7());
        let mut gate = closed_gate(&server, moment, partition).await;
        let requests = Parallel::start(&server, &analyst, &mark);
        match &mut gate {
            Some(gate) => kill_before(gate, &mut server, partition, &mut dice).await,
            None => {
                requests.first_answer.await.unwrap();
                server.kill_9();
            }
        }
        server.restart().await;
        drop(gate);
        let answers = join_all(requests.answers).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();
        let first = (answers[0].id(), answers[0].version(), answers[0].position());
        for answer in &answers {
            assert_eq!(answer.status, 201, "{}", answer.text());
            assert_eq!((answer.id(), answer.version(), answer.position()), first);
        }
        let log = Log::read(&superuser_pool(&server).await).await;
        assert_eq!(log.marks().get(&mark), Some(&1), "one effect");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_postgres_each_answer_agrees_with_the_log_and_the_service_recovers_by_itself() {
    let mut dice = Dice::thrown("restarts");
    let server = Server::start_private().await;
    let organization = Organization::found(&server).await;
    let analyst = organization.analyst().await;
    let postmaster = Postmaster::of(&server);
    let load = Load::start(clients(&server, &analyst), &mut dice);
    for mode in ["immediate", "fast", "immediate"] {
        load.accepts(20 + dice.below(60)).await;
        postmaster.stop(mode).await;
        until_readiness_is(&server, 503).await;
        postmaster.start().await;
        until_readiness_is(&server, 200).await;
    }
    // As an administrator would, too fast for anybody to look.
    load.accepts(20).await;
    postmaster.stop("fast").await;
    postmaster.start().await;
    load.accepts(40).await;
    let ledger = load.finish().await;
    until_readiness_is(&server, 200).await;
    let admin = superuser_pool(&server).await;
    let log = Log::read_with_models(&admin).await;
    assert_agrees(&log, &ledger);
    let refused = ledger.iter().filter(|sent| matches!(&sent.told, Told::Refused { status: 503, .. })).count();
    assert!(refused > 0, "no command met a Postgres that was away, so this proves nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_was_committed_while_its_answer_got_lost_is_answered_as_accepted_and_done_once() {
    let server = Server::start_private().await;
    let organization = Organization::found(&server).await;
    let analyst = organization.analyst().await;
    let postmaster = Postmaster::of(&server);
    postmaster.stop("fast").await;
    postmaster.start_with("-c wal_level=replica -c max_wal_senders=1").await;
    until_readiness_is(&server, 200).await;
    let finding = analyst.post("/v1/findings", a_finding()).await.expect(201).id();
    let mut ledger = vec![];
    for mode in ["immediate", "fast"] {
        hold_answers_back(&server).await;
        let sending = clients(&server, &analyst);
        let sending = sending.into_iter().map(|client| tokio::spawn(async move { note(&client, finding).await }));
        let sending: Vec<_> = sending.collect();
        until_an_answer_is_held_back(&server).await;
        postmaster.stop(mode).await;
        postmaster.start().await;
        ledger.extend(join_all(sending).await.into_iter().map(Result::unwrap));
    }
    assert!(ledger.iter().any(|sent| matches!(sent.told, Told::Accepted { .. })), "{ledger:?}");
    until_readiness_is(&server, 200).await;
    let admin = superuser_pool(&server).await;
    let log = Log::read_with_models(&admin).await;
    assert_agrees(&log, &ledger);
}

/// A request that many send at once.
struct Parallel {
    first_answer: oneshot::Receiver<()>,
    answers: Vec<tokio::task::JoinHandle<Answer>>,
}

impl Parallel {
    /// Each over a connection of its own, and again until there is an answer.
    fn start(server: &Server, analyst: &Person, mark: &str) -> Self {
        let key = Uuid::now_v7().to_string();
        let (tell, first_answer) = oneshot::channel();
        let tell = std::sync::Arc::new(std::sync::Mutex::new(Some(tell)));
        let answers = (0..PARALLEL_REQUESTS).map(|_| {
            let client = Client::new(server.base()).with_bearer(analyst.bearer());
            let (key, body, tell) = (key.clone(), json!({ "host_name": mark, "name": mark }), tell.clone());
            tokio::spawn(async move {
                loop {
                    let request =
                        client.request(Method::POST, "/v1/devices").header("idempotency-key", &key).json(&body);
                    match try_send(request).await {
                        Ok(answer) if !matches!(answer.status, 502..=504) => {
                            let first = tell.lock().unwrap().take();
                            first.map(|tell| tell.send(()));
                            return answer;
                        }
                        Ok(_) | Err(_) => tokio::time::sleep(TRY_AGAIN_AFTER).await,
                    }
                }
            })
        });
        Self { first_answer, answers: answers.collect() }
    }
}

/// Each sender has a connection of its own.
fn clients(server: &Server, analyst: &Person) -> Vec<Client> {
    (0..SENDERS).map(|_| Client::new(server.base()).with_bearer(analyst.bearer())).collect()
}

/// Log ins are counted, and nothing else about them tells a projection that it has counted one before.
async fn sign_in_again_and_again(person: Person) {
    let body = json!({ "organization": person.organization, "user": person.login, "password": person.password });
    loop {
        let request = person.client.request(Method::POST, "/v1/sessions").json(&body);
        match try_send(request).await {
            Ok(answer) => assert!(matches!(answer.status, 200 | 502..=504), "{}", answer.text()),
            Err(_) => tokio::time::sleep(TRY_AGAIN_AFTER).await,
        }
    }
}

/// The gate, if one was closed, stays so until it is dropped.
async fn kill(server: &mut Server, moment: Moment, partition: i16, dice: &mut Dice) -> Option<Gate> {
    let mut gate = closed_gate(server, moment, partition).await;
    match &mut gate {
        Some(gate) => kill_before(gate, server, partition, dice).await,
        None => server.kill_9(),
    }
    gate
}

/// What stands before the gate commits after the kill, though nobody waits for it any more; or the next start ends it.
async fn kill_before(gate: &mut Gate, server: &mut Server, partition: i16, dice: &mut Dice) {
    gate.caught(partition).await;
    server.kill_9();
    if dice.below(2) == 0 {
        gate.open(partition).await;
    }
}

async fn closed_gate(server: &Server, moment: Moment, partition: i16) -> Option<Gate> {
    let passing = match moment {
        Moment::Any => return None,
        Moment::BeforeAnAppendCommits => Passing::Appends,
        Moment::BeforeAProjectionCommits => Passing::Projections,
    };
    let mut gate = Gate::build(&superuser(server), passing).await;
    gate.close(partition).await;
    Some(gate)
}

/// From here on an append is durable and waits, before anybody is told, for a replica that does not exist.
async fn hold_answers_back(server: &Server) {
    let admin = superuser_pool(server).await;
    for statement in ["ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()"] {
        sqlx::raw_sql(statement).execute(&admin).await.unwrap();
    }
    until("a Postgres that waits for replicas", async || {
        let names: String = sqlx::query_scalar("SHOW synchronous_standby_names").fetch_one(&admin).await.unwrap();
        (names == "nobody").then_some(())
    })
    .await;
}

/// The next start of Postgres asks for no replica any more.
async fn until_an_answer_is_held_back(server: &Server) {
    let admin = superuser_pool(server).await;
    until("an append that waits for a replica", async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'writer' AND wait_event = 'SyncRep'";
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&admin).await.unwrap();
        (waiting > 0).then_some(())
    })
    .await;
    sqlx::raw_sql("ALTER SYSTEM RESET synchronous_standby_names").execute(&admin).await.unwrap();
}

fn a_finding() -> serde_json::Value {
    json!({ "type": "vulnerability", "title": "Telnet is open", "severity": "high" })
}

async fn until_readiness_is(server: &Server, status: u16) {
    until(&format!("readiness of every process answers {status}"), async || {
        server.readiness().await.into_iter().all(|answered| answered == Some(status)).then_some(())
    })
    .await;
}
