//! A Redis shared by all tests of this process, a prefix of its own for each of them.
//!
//! `SECURENET_TEST_REDIS` names a running one by its URL; without it a private one is started and ends with the process.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use prometheus::Registry;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::env::Env;
use crate::private_redis::PrivateRedis;
use crate::redis::{Metrics, Redis, Settings};

static SHARED: OnceCell<(String, Option<PrivateRedis>)> = OnceCell::const_new();

/// Where a Redis is, and what one test's keys begin with there.
#[derive(Debug, Clone)]
pub struct TestRedis {
    pub url: String,
    pub prefix: String,
}

/// The shared one, with a fresh prefix.
pub async fn redis() -> TestRedis {
    let (url, _) = SHARED
        .get_or_init(|| async {
            if let Ok(url) = std::env::var("SECURENET_TEST_REDIS") {
                return (url, None);
            }
            let started = tokio::task::spawn_blocking(|| PrivateRedis::start(&redis_directory()));
            let server =
                started.await.expect("the thread ends").expect("Redis starts, or SECURENET_TEST_REDIS names one");
            (server.url(), Some(server))
        })
        .await;
    TestRedis::at(url.clone())
}

impl TestRedis {
    /// One that the test started itself.
    pub fn at(url: String) -> Self {
        Self { url, prefix: format!("test-{}:", Uuid::now_v7().simple()) }
    }

    pub fn settings(&self) -> Settings {
        self.settings_with(&[])
    }

    /// With more of its variables.
    pub fn settings_with(&self, more: &[(&str, &str)]) -> Settings {
        let ours = [("SECURENET_REDIS_URL", self.url.as_str()), ("SECURENET_REDIS_PREFIX", &self.prefix)];
        let all = ours.iter().chain(more).map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let env = Env::from_pairs(all);
        let settings = Settings::from_env(&env).expect("a URL is set");
        env.finish().expect("the settings are right");
        settings
    }

    /// A client of its own, connected.
    pub async fn client(&self) -> Redis {
        let redis = self.start();
        redis.connected().await;
        redis
    }

    /// The same without waiting for the connection.
    pub fn start(&self) -> Redis {
        Redis::start(self.settings(), Metrics::register(&Registry::new()).expect("a new registry has no names"))
    }
}

/// A directory that no other test of this machine has.
pub fn redis_directory() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("securenet-redis-{}-{count}", std::process::id()));
    remove(&directory); // of an earlier process with our id
    directory
}

fn remove(directory: &Path) {
    std::fs::remove_dir_all(directory).ok();
}
