//! Those who are there when things go wrong and send no marked commands: somebody who reads what they have just written,
//! somebody who signs in again and again, a scanner with its reports.
//!
//! Each checks what it is answered: bad luck may say "not now" and never something that is not so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::callers::{Answer, Person, try_send};
use crate::dice::Dice;

/// Between two deeds of one of them: they are many kinds, not many requests.
const PAUSE: Duration = Duration::from_millis(50);
const HOSTS_MAX: usize = 20;
/// "Not now", from us or from the proxy before us, or "later" from the rate limit.
const NOT_NOW: [u16; 5] = [425, 429, 502, 503, 504];

pub struct Bystanders {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Bystanders {
    pub fn start(people: Vec<Person>, dice: &mut Dice) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = vec![];
        for person in people {
            tasks.push(tokio::spawn(read_what_was_written(person.clone(), stop.clone())));
            tasks.push(tokio::spawn(look_around(person.clone(), stop.clone(), dice.split())));
            tasks.push(tokio::spawn(sign_in(person.clone(), stop.clone())));
            tasks.push(tokio::spawn(scan(person, stop.clone(), dice.split())));
        }
        Self { stop, tasks }
    }

    /// Panics where one of them saw what must not be.
    pub async fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("a bystander saw nothing that must not be");
        }
    }
}

/// Whoever sends the position of their command sees what it did, or is told to wait.
async fn read_what_was_written(person: Person, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(PAUSE).await;
        let body = json!({ "type": "misconfiguration", "title": Uuid::now_v7().to_string(), "severity": "low" });
        let Some(raised) = now(person.request(Method::POST, "/v1/findings").json(&body)).await else { continue };
        let (id, version, position) = (raised.clone().expect(201).id(), raised.version(), raised.position());
        loop {
            let path = format!("/v1/findings/{id}");
            let request = person.request(Method::GET, &path).header("x-consistency", &position);
            if let Some(seen) = now(request).await {
                assert!(seen.clone().expect(200).version() >= version, "older than {position}: {}", seen.text());
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn look_around(person: Person, stop: Arc<AtomicBool>, mut dice: Dice) {
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(PAUSE).await;
        let path =
            dice.one_of(&["/v1/findings?limit=20", "/v1/devices?limit=20", "/v1/summary", "/v1/scans", "/v1/me"]);
        if let Some(answer) = now(person.request(Method::GET, path)).await {
            answer.expect(200);
        }
    }
}

async fn sign_in(person: Person, stop: Arc<AtomicBool>) {
    let body = json!({ "organization": person.organization, "user": person.login, "password": person.password });
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(10 * PAUSE).await;
        if let Some(answer) = now(person.request(Method::POST, "/v1/sessions").json(&body)).await {
            answer.expect(200);
        }
    }
}

/// A report is sent until it is taken: what arrived before must not be there twice.
async fn scan(person: Person, stop: Arc<AtomicBool>, mut dice: Dice) {
    while !stop.load(Ordering::Relaxed) {
        let report = report(&mut dice);
        loop {
            tokio::time::sleep(4 * PAUSE).await;
            let request = person.request(Method::POST, "/v1/scans").header("content-type", "application/xml");
            match now(request.body(report.clone())).await {
                Some(answer) => {
                    answer.expect(200);
                    break;
                }
                None if stop.load(Ordering::Relaxed) => break,
                None => {}
            }
        }
    }
}

/// As Nmap writes it: some hosts of a small network, each with some of the same few ports.
fn report(dice: &mut Dice) -> String {
    let mut text = String::from(r#"<?xml version="1.0"?><nmaprun scanner="nmap" version="7.94" start="1700000000">"#);
    let first = dice.below(200);
    for host in first..first + 1 + dice.below(HOSTS_MAX) {
        text += &format!(
            r#"<host starttime="1700000000" endtime="1700000005"><status state="up" reason="echo-reply"/><address addr="10.9.0.{host}" addrtype="ipv4"/><ports>"#
        );
        for port in [22, 80, 443, 8080].into_iter().filter(|_| dice.below(2) == 0) {
            text += &format!(
                r#"<port protocol="tcp" portid="{port}"><state state="open" reason="syn-ack"/><service name="http" method="table" conf="3"/></port>"#
            );
        }
        text += "</ports></host>";
    }
    text + r#"<runstats><finished time="1700000006" exit="success"/></runstats></nmaprun>"#
}

/// The answer, unless it is "not now" or none at all.
async fn now(request: RequestBuilder) -> Option<Answer> {
    let answer = try_send(request).await.ok()?;
    (!NOT_NOW.contains(&answer.status)).then_some(answer)
}
