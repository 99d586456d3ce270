//! The processes of a deployment by what they do: their pids, addresses and metrics, and signals to one of them.
//!
//! In the plain shape every service is the one process, so what is done to one role is done to all.

use std::fs;

use reqwest::Method;

use super::{LOOK_INTERVAL, START_MAX, Server, Shape, signal};
use crate::callers::{Client, try_send};

/// What a process does. Of most there is one; those that are several are numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    CommandApi,
    QueryApi,
    Relay,
    Projector,
    Nginx,
    Redis,
    Kafka,
    Postgres,
}

/// The services of the full shape.
const SERVICES: [(Role, usize); 5] =
    [(Role::CommandApi, 0), (Role::QueryApi, 0), (Role::Relay, 0), (Role::Projector, 0), (Role::Projector, 1)];

impl Role {
    /// As `up --full` names it.
    fn name(self, number: usize) -> String {
        match self {
            Self::CommandApi => "command-api".to_owned(),
            Self::QueryApi => "query-api".to_owned(),
            Self::Relay => "relay".to_owned(),
            Self::Projector => format!("projector-{}", number + 1),
            Self::Nginx => "nginx".to_owned(),
            Self::Redis => "redis".to_owned(),
            Self::Kafka => "kafka".to_owned(),
            Self::Postgres => "postgres".to_owned(),
        }
    }
}

impl Server {
    /// The process that does this now. It changes when the process is started again.
    #[track_caller]
    pub fn pid_of(&self, role: Role, number: usize) -> u32 {
        self.maybe_pid_of(role, number).unwrap_or_else(|| panic!("no {role:?} {number} runs:\n{}", self.log()))
    }

    pub fn maybe_pid_of(&self, role: Role, number: usize) -> Option<u32> {
        match (role, self.shape) {
            (Role::Postgres, _) => Some(self.postgres_pid()),
            (_, Shape::Plain) => Some(self.pid()),
            (_, Shape::Full) => {
                let file = self.directory().join("run").join(format!("{}.pid", role.name(number)));
                fs::read_to_string(file).ok()?.lines().next()?.parse().ok()
            }
        }
    }

    /// `STOP` and `CONT` are the most useful.
    #[track_caller]
    pub fn signal_of(&self, role: Role, number: usize, name: &str) {
        signal(name, self.pid_of(role, number));
    }

    /// Ends one as a crash would, and names the process it was. In the full shape it is started again after a second.
    pub fn kill_9_of(&mut self, role: Role, number: usize) -> u32 {
        let pid = self.pid_of(role, number);
        match (role, self.shape) {
            (Role::Postgres, _) | (_, Shape::Full) => end(&[pid]),
            (_, Shape::Plain) => self.kill_9_up(),
        }
        pid
    }

    /// Waits until another process does what this one did, and all is ready.
    pub async fn until_replaced(&mut self, role: Role, number: usize, pid: u32) {
        let started = std::time::Instant::now();
        while self.shape == Shape::Full && self.maybe_pid_of(role, number).is_none_or(|now| now == pid) {
            assert!(started.elapsed() < START_MAX, "{role:?} is not started again:\n{}", self.log());
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        self.restart().await;
    }

    /// Where a service listens: for its health and, past the proxy, for its API.
    #[track_caller]
    pub fn address_of(&self, role: Role, number: usize) -> String {
        self.line_of(role, number).0
    }

    pub fn metrics_url_of(&self, role: Role, number: usize) -> String {
        format!("http://{}/metrics", self.line_of(role, number).1)
    }

    /// What all of them measure, one scrape after the other.
    pub async fn metrics(&self) -> String {
        let urls = match self.shape {
            Shape::Plain => vec![self.metrics_url_of(Role::CommandApi, 0)],
            Shape::Full => SERVICES.map(|(role, number)| self.metrics_url_of(role, number)).to_vec(),
        };
        let mut text = String::new();
        for url in urls {
            text.push_str(&Client::new(&url).get("").await.expect(200).text());
        }
        text
    }

    /// What each process that has to be ready for all to be answers to that question; none where it does not.
    pub async fn readiness(&self) -> Vec<Option<u16>> {
        let mut answers = Vec::new();
        for address in self.addresses() {
            let request = Client::new(&format!("http://{address}")).request(Method::GET, "/health/ready");
            answers.push(try_send(request).await.ok().map(|answer| answer.status));
        }
        answers
    }

    /// All at once, as a machine that loses power would; those who would start them again wait a second.
    pub(super) fn kill_9_services(&self) {
        end(&SERVICES.map(|(role, number)| self.pid_of(role, number)));
    }

    /// What has to be ready for all to be: in the full shape each service of its own, and the proxy.
    pub(super) fn addresses(&self) -> Vec<String> {
        let proxy = self.base().trim_start_matches("http://").to_owned();
        match self.shape {
            Shape::Plain => vec![proxy],
            Shape::Full => {
                let services = SERVICES.map(|(role, number)| self.address_of(role, number));
                services.into_iter().chain([proxy]).collect()
            }
        }
    }

    fn line_of(&self, role: Role, number: usize) -> (String, String) {
        if self.shape == Shape::Plain {
            return (self.base().trim_start_matches("http://").to_owned(), format!("127.0.0.1:{}", self.metrics_port));
        }
        let text =
            fs::read_to_string(self.directory().join("processes")).expect("up --full tells where each process is");
        let name = role.name(number);
        let found = text.lines().map(|line| line.split('\t').collect::<Vec<_>>()).find(|line| line[0] == name);
        let line = found.unwrap_or_else(|| panic!("no {name} in {text}"));
        (line[1].to_owned(), line[2].to_owned())
    }
}

/// Until the kernel has let go of them: a pid that is still there would look like one that runs.
fn end(pids: &[u32]) {
    pids.iter().for_each(|pid| signal("KILL", *pid));
    let ended = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    };
    while !pids.iter().all(ended) {
        std::thread::yield_now();
    }
}
