//! Readers of the feed, in both ways one can read it: the tail of a partition, and the ranges below the heads. Each
//! panics at the first thing out of order, and nothing is forgiven because it came right later.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use acceptance::eventually::until;
use platform::testing::TestDatabase;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::task::JoinHandle;
use uuid::Uuid;

pub(super) struct Readers {
    stop: Arc<AtomicBool>,
    /// Of each reader.
    looks: Vec<Arc<AtomicU64>>,
    tasks: Vec<JoinHandle<usize>>,
}

/// What a reader has seen.
#[derive(Default)]
struct Seen {
    seqs: BTreeMap<i16, i64>,
    versions: HashMap<Uuid, i64>,
    events: usize,
}

#[derive(sqlx::FromRow)]
struct Event {
    partition: i16,
    seq: i64,
    stream_id: Uuid,
    stream_version: i64,
}

impl Readers {
    pub(super) async fn start(database: &TestDatabase) -> Self {
        let mut readers = Self { stop: Arc::default(), looks: vec![], tasks: vec![] };
        for role in ["projector", "relay"] {
            let connection = PgConnection::connect(&database.url(role)).await.unwrap();
            let looks = Arc::new(AtomicU64::new(0));
            readers.looks.push(looks.clone());
            let stop = readers.stop.clone();
            readers.tasks.push(match role {
                "relay" => tokio::spawn(follow_tails(connection, looks, stop)),
                _ => tokio::spawn(follow_heads(connection, looks, stop)),
            });
        }
        readers
    }

    /// Waits until each has looked so many times more.
    pub(super) async fn look(&self, times: u64) {
        let goals: Vec<u64> = self.looks.iter().map(|looks| looks.load(Ordering::Relaxed) + times).collect();
        until("readers looking", async || {
            assert!(!self.tasks.iter().any(JoinHandle::is_finished), "a reader met what it must never see");
            self.looks.iter().zip(&goals).all(|(looks, goal)| looks.load(Ordering::Relaxed) >= *goal).then_some(())
        })
        .await;
    }

    /// Once the writers are done: how many events every reader has seen.
    pub(super) async fn finish(self, admin: &PgPool) -> usize {
        self.look(2).await;
        self.stop.store(true, Ordering::Relaxed);
        let there: i64 = sqlx::query_scalar("SELECT count(*) FROM store.events").fetch_one(admin).await.unwrap();
        let there = usize::try_from(there).unwrap();
        for task in self.tasks {
            assert_eq!(task.await.unwrap(), there, "a reader has not seen all there is");
        }
        there
    }
}

/// `WHERE partition = $1 AND seq > $2 ORDER BY seq`, without a look at the heads.
async fn follow_tails(mut connection: PgConnection, looks: Arc<AtomicU64>, stop: Arc<AtomicBool>) -> usize {
    let tail = "SELECT partition, seq, stream_id, stream_version FROM store.events WHERE partition = $1 AND seq > $2 ORDER BY seq";
    let mut seen = Seen::default();
    while !stop.load(Ordering::Relaxed) {
        let partitions: Vec<i16> = sqlx::query_scalar("SELECT partition FROM store.partition_head WHERE seq > 0")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        for partition in partitions {
            let query = sqlx::query_as::<_, Event>(tail).bind(partition).bind(seen.last(partition));
            query.fetch_all(&mut connection).await.unwrap().iter().for_each(|event| seen.take_in(event));
        }
        looks.fetch_add(1, Ordering::Relaxed);
    }
    seen.events
}

/// As the projector does: the heads first, then what lies below them, all of which has to be there.
async fn follow_heads(mut connection: PgConnection, looks: Arc<AtomicU64>, stop: Arc<AtomicBool>) -> usize {
    let range = "SELECT partition, seq, stream_id, stream_version FROM store.events
        WHERE partition = $1 AND seq > $2 AND seq <= $3 ORDER BY seq";
    let mut seen = Seen::default();
    while !stop.load(Ordering::Relaxed) {
        let heads: Vec<(i16, i64)> = sqlx::query_as("SELECT partition, seq FROM store.partition_head WHERE seq > 0")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        for (partition, head) in heads {
            let query = sqlx::query_as::<_, Event>(range).bind(partition).bind(seen.last(partition)).bind(head);
            query.fetch_all(&mut connection).await.unwrap().iter().for_each(|event| seen.take_in(event));
            assert_eq!(seen.last(partition), head, "a head of partition {partition} was seen before its events");
        }
        looks.fetch_add(1, Ordering::Relaxed);
    }
    seen.events
}

impl Seen {
    fn last(&self, partition: i16) -> i64 {
        self.seqs.get(&partition).copied().unwrap_or(0)
    }

    fn take_in(&mut self, event: &Event) {
        let Event { partition, seq, stream_id, stream_version } = *event;
        assert_eq!(seq, self.last(partition) + 1, "a gap in partition {partition}");
        self.seqs.insert(partition, seq);
        let version = self.versions.entry(stream_id).or_default();
        assert_eq!(stream_version, *version + 1, "stream {stream_id} out of order at {partition}.{seq}");
        *version = stream_version;
        self.events += 1;
    }
}
