//! The whole of it: a feed, and a supervisor over the loops that it serves.

use std::sync::Arc;

use platform::redis::Redis;
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::checkpoint::Misfit;
use crate::config::{Config, FeedFrom};
use crate::event::Fault;
use crate::feed::{Feed, kafka::KafkaFeed, log::LogReader, store::StoreFeed};
use crate::metrics::Metrics;
use crate::operations;
use crate::pools::Pools;
use crate::progress::Progress;
use crate::redis_models;
use crate::standing::Standing;
use crate::supervisor::Supervisor;

/// Why the projector, or one generation, stopped by itself. A person has to decide what to do.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    #[error(
        "checkpoint {} {} of partition {} is at {}, but the log ends at {}: it lost its end and does not say so. \
         Record the restore in store.log_epochs, then `securenet projections rebuild {}`",
        .0.projection, .0.generation, .0.partition, .0.seq, .0.head, .0.projection
    )]
    Misfit(Misfit),
    #[error("a restore of the log took back what {0} was made of: `securenet projections rebuild` makes it anew")]
    TakenBack(String),
    #[error("the Kafka client cannot work")]
    Kafka(#[from] rdkafka::error::KafkaError),
    #[error("there is no thread for the Kafka client")]
    Thread(#[source] std::io::Error),
    #[error("a loop of the projector broke")]
    Broken(#[from] tokio::task::JoinError),
}

/// Keeps all read models up to date for as long as it runs.
#[derive(Debug)]
pub struct Projector {
    context: Context,
    redis: Option<Redis>,
}

/// What every loop works with. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub pools: Pools,
    pub config: Config,
    pub metrics: Metrics,
    pub standing: Standing,
    pub progress: Progress,
    pub log: LogReader,
    pub feed: Arc<dyn Feed>,
    /// Tells the supervisor that generations have changed.
    pub told: Arc<Notify>,
    /// Names this process among those that carry out operations.
    pub actor: Uuid,
}

impl Projector {
    /// The pool belongs to the role `projector` and should offer [`crate::CONNECTIONS`]; each generation number gets one
    /// like it.
    pub fn new(pool: PgPool, config: Config, metrics: Metrics) -> Self {
        let standing = Standing::new(metrics.clone(), config.ready_lag);
        let log = LogReader::new(pool.clone());
        let progress = Progress::default();
        let feed: Arc<dyn Feed> = match config.feed.clone() {
            FeedFrom::Store => Arc::new(StoreFeed::new(log.clone(), config.clone())),
            FeedFrom::Kafka(settings) => {
                let kafka = metrics.kafka.clone();
                Arc::new(KafkaFeed::new(log.clone(), config.clone(), settings, kafka, progress.clone()))
            }
        };
        let (pools, told) = (Pools::new(pool), Arc::default());
        let actor = Uuid::now_v7();
        Self { context: Context { pools, config, metrics, standing, progress, log, feed, told, actor }, redis: None }
    }

    /// With a Redis that holds copies of what is read most.
    #[must_use]
    pub fn with_redis(mut self, redis: Option<Redis>) -> Self {
        if redis.is_some() {
            self.context.pools = self.context.pools.clone().owing_copies();
        }
        Self { redis, ..self }
    }

    /// For readiness.
    pub fn standing(&self) -> Standing {
        self.context.standing.clone()
    }

    /// Runs until told to stop, and then until the current transactions are through. `wake` is for the appender of the
    /// same process; without it the log is polled.
    pub async fn run(self, shutdown: CancellationToken, wake: Arc<Notify>) -> Result<(), Stopped> {
        let (stop, shutdown) = (CancellationToken::new(), shutdown.child_token());
        // However this ends, the feed does not go on alone.
        let _stops = stop.clone().drop_guard();
        let feed = Arc::clone(&self.context.feed).run(wake, stop.clone());
        // Without a feed the loops would wait for ever.
        let feeding = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { feed.await.inspect_err(|_| shutdown.cancel()) }
        });
        if let Some(redis) = self.redis {
            let (pool, metrics) = (self.context.pools.shared().clone(), self.context.metrics.redis.clone());
            tokio::spawn(redis_models::run(pool, redis, metrics, stop.clone()));
        }
        let ending = shutdown.child_token();
        let _ends = ending.clone().drop_guard();
        let working = tokio::spawn(operations::work(self.context.clone(), ending.clone()));
        let followed = Supervisor::new(self.context, shutdown).run().await;
        ending.cancel();
        working.await?;
        // The feed gives up its partitions only when nobody works on them any more.
        stop.cancel();
        let outcome = followed.and(feeding.await?);
        if let Err(stopped) = &outcome {
            tracing::error!(error = %Fault::of(stopped).0, "the projector stops");
        }
        outcome
    }
}
