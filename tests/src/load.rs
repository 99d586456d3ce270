//! Commands without end, and what each was answered: the ledger that a log is compared with after bad luck.
//!
//! Most commands carry a mark of their own, so that the log shows whether one was carried out once, twice or not at
//! all, whatever its sender was told.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::callers::{Answer, Client, try_send};
use crate::dice::Dice;
use crate::eventually::until;
use crate::history::Log;

/// Between two tries at a server that is not there.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(20);
const KNOWN_FINDINGS_MAX: usize = 64;

/// One command, as its sender knows it.
#[derive(Debug, Clone)]
pub struct Sent {
    /// None for commands that have no text to put one into.
    pub mark: Option<String>,
    pub told: Told,
    /// From the first byte sent to the last received.
    pub took: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Accepted {
        id: Uuid,
        version: i64,
        position: String,
    },
    Refused {
        status: u16,
        code: String,
    },
    /// The connection broke, here or behind a proxy, or the answer was `outcome-unknown`.
    Nothing,
}

/// Senders at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicUsize>,
    senders: Vec<JoinHandle<Vec<Sent>>>,
}

struct Sender {
    client: Client,
    dice: Dice,
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicUsize>,
    findings: Vec<Uuid>,
    device: Option<Uuid>,
    ledger: Vec<Sent>,
}

/// What a command is to say.
struct Wish {
    path: String,
    body: Value,
    mark: Option<String>,
    /// Sent until there is an answer, always under the same key.
    keyed: bool,
}

impl Load {
    /// One sender a client, each with a connection of its own.
    pub fn start(clients: impl IntoIterator<Item = Client>, dice: &mut Dice) -> Self {
        let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let senders = clients.into_iter().map(|client| {
            let (stop, accepted, dice) = (stop.clone(), accepted.clone(), dice.split());
            tokio::spawn(Sender { client, dice, stop, accepted, findings: vec![], device: None, ledger: vec![] }.run())
        });
        Self { senders: senders.collect(), stop, accepted }
    }

    /// Until so many more commands were accepted.
    pub async fn accepts(&self, more: usize) {
        let goal = self.accepted.load(Ordering::Relaxed) + more;
        until("more commands accepted", async || {
            assert!(!self.senders.iter().any(JoinHandle::is_finished), "a sender met what it should not have");
            (self.accepted.load(Ordering::Relaxed) >= goal).then_some(())
        })
        .await;
    }

    /// Lets each finish what it is at.
    pub async fn finish(self) -> Vec<Sent> {
        self.stop.store(true, Ordering::Relaxed);
        let mut ledger = vec![];
        for sender in self.senders {
            ledger.extend(sender.await.expect("a sender ends well"));
        }
        ledger
    }
}

/// A note on a finding, sent once: a command that would be done again if it were sent again.
pub async fn note(client: &Client, finding: Uuid) -> Sent {
    let mark = format!("mark-{}", Uuid::now_v7());
    let started = Instant::now();
    let request = client.request(Method::POST, &format!("/v1/findings/{finding}/note"));
    let answer = try_send(request.json(&json!({ "text": mark }))).await;
    let told = answer.map_or(Told::Nothing, |answer| told(&answer));
    Sent { mark: Some(mark), told, took: started.elapsed() }
}

/// Accepted: there, once, where it was said to be. Refused: not there. Anything else: at most once.
pub fn assert_agrees(log: &Log, ledger: &[Sent]) {
    let marks = log.marks();
    let versions: HashSet<(Uuid, i64)> =
        log.entries.iter().map(|entry| (entry.row.stream_id, entry.row.stream_version)).collect();
    for sent in ledger {
        let there = sent.mark.as_ref().map(|mark| marks.get(mark).copied().unwrap_or(0));
        match &sent.told {
            Told::Accepted { id, version, position } => {
                assert!(there.is_none_or(|times| times == 1), "accepted, and in the log {there:?} times: {sent:?}");
                assert!(versions.contains(&(*id, *version)), "accepted, and its version is not in the log: {sent:?}");
                assert_stands_at(log, sent, (*id, *version), position);
            }
            Told::Refused { .. } => assert_eq!(there.unwrap_or(0), 0, "refused, and in the log: {sent:?}"),
            Told::Nothing => assert!(there.unwrap_or(0) <= 1, "done twice: {sent:?}"),
        }
    }
    let told: HashSet<&String> = ledger.iter().filter_map(|sent| sent.mark.as_ref()).collect();
    assert!(marks.keys().all(|mark| told.contains(mark)), "the log holds a command that nobody sent");
}

/// A marked command's position is that of its last event.
fn assert_stands_at(log: &Log, sent: &Sent, (id, version): (Uuid, i64), position: &str) {
    let mut parts = position.split('.').skip(1);
    let partition = parts.next().and_then(|part| part.parse().ok()).expect("a position has a partition");
    let seq = parts.next().and_then(|part| part.parse().ok()).expect("a position has a seq");
    let Some(entry) = log.at(partition, seq) else {
        panic!("accepted at a place that the log does not have: {sent:?}")
    };
    if sent.mark.is_some() {
        assert_eq!((entry.row.stream_id, entry.row.stream_version), (id, version), "{sent:?}");
    }
}

impl Sender {
    async fn run(mut self) -> Vec<Sent> {
        while !self.stop.load(Ordering::Relaxed) {
            let wish = self.wish();
            let started = Instant::now();
            let told = self.send(&wish).await;
            self.note(&wish, &told);
            self.ledger.push(Sent { mark: wish.mark, told, took: started.elapsed() });
        }
        self.ledger
    }

    fn wish(&mut self) -> Wish {
        let mark = format!("mark-{}", Uuid::now_v7());
        let severity = self.dice.one_of(&["critical", "high", "medium", "low", "info", "unknown"]);
        let keyed = self.dice.below(3) == 0;
        let known = self.dice.below(self.findings.len());
        let finding = self.findings.get(known).map(|finding| format!("/v1/findings/{finding}"));
        let marked = |path: &str, body: Value| Wish { path: path.to_owned(), body, mark: Some(mark.clone()), keyed };
        match (self.dice.below(8), finding) {
            (0, _) => marked(
                "/v1/devices",
                json!({ "host_name": mark, "name": mark, "type": self.dice.one_of(&["switch", "server"]) }),
            ),
            (1..=3, Some(finding)) => marked(&format!("{finding}/note"), json!({ "text": mark })),
            (4, Some(finding)) => {
                let deed = self.dice.one_of(&["confirm", "start", "resolve", "reopen"]);
                Wish { path: format!("{finding}/{deed}"), body: json!({}), mark: None, keyed: false }
            }
            (_, _) => {
                let mut body = json!({ "type": "vulnerability", "title": mark, "severity": severity });
                if let Some(device) = self.device.filter(|_| self.dice.below(2) == 0) {
                    body["device_id"] = json!(device);
                }
                marked("/v1/findings", body)
            }
        }
    }

    async fn send(&self, wish: &Wish) -> Told {
        let key = Uuid::now_v7().to_string();
        loop {
            let mut request = self.client.request(Method::POST, &wish.path);
            if wish.body != json!({}) {
                request = request.json(&wish.body);
            }
            if wish.keyed {
                request = request.header("idempotency-key", &key);
            }
            let told = try_send(request).await.map_or(Told::Nothing, |answer| told(&answer));
            let again = matches!(&told, Told::Nothing | Told::Refused { status: 429 | 503, .. });
            if again {
                tokio::time::sleep(TRY_AGAIN_AFTER).await;
            }
            if !(again && wish.keyed) {
                return told;
            }
        }
    }

    fn note(&mut self, wish: &Wish, told: &Told) {
        let Told::Accepted { id, .. } = told else { return };
        self.accepted.fetch_add(1, Ordering::Relaxed);
        match wish.path.as_str() {
            "/v1/devices" => self.device = Some(*id),
            "/v1/findings" if self.findings.len() < KNOWN_FINDINGS_MAX => self.findings.push(*id),
            _ => {}
        }
    }
}

fn told(answer: &Answer) -> Told {
    match answer.status {
        200 | 201 => Told::Accepted { id: answer.id(), version: answer.version(), position: answer.position() },
        // Bad luck is no reason to doubt who somebody is, what they may, or what they ask for; and never a 500.
        409 | 429 | 503 => match answer.code() {
            code if code == "outcome-unknown" => Told::Nothing,
            code => Told::Refused { status: answer.status, code },
        },
        // Of a proxy whose service went away in the middle, or had gone before: it knows no more than that.
        502 | 504 => {
            answer.code();
            Told::Nothing
        }
        status => panic!("answered {status}: {}", answer.text()),
    }
}
