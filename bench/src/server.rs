//! A durable Postgres of this run alone, for what is measured without HTTP.

use std::fs::File;
use std::io::Write;
use std::time::Instant;

use platform::testing::{PrivateCluster, TestCluster, TestDatabase};

use crate::Outcome;

/// As durable as production; large enough that no checkpoint falls into a load by its size.
const DURABLE: &str = "-c fsync=on -c shared_buffers=1GB -c max_wal_size=8GB -c checkpoint_timeout=30min \
    -c max_connections=100 -c listen_addresses=127.0.0.1";
const FLUSHES: usize = 200;
const FLUSHED_BYTES: usize = 8 << 10;

pub(crate) struct Server {
    cluster: TestCluster,
}

/// A database of one load, dropped after it.
pub(crate) struct Database(TestDatabase);

impl Server {
    pub(crate) async fn start() -> Outcome<Self> {
        Ok(Self { cluster: TestCluster::on(PrivateCluster::start_with(DURABLE)).await })
    }

    /// With every migration.
    pub(crate) async fn database(&self) -> Outcome<Database> {
        Ok(Database(self.cluster.database().await))
    }

    /// What one flush of a small write costs on the disk that Postgres writes to: the median, in µs.
    pub(crate) fn flush_micros(&self) -> Outcome<f64> {
        let directory = self.cluster.server().ok_or("the cluster is ours")?.directory();
        let path = directory.join("flush");
        let mut file = File::create(&path)?;
        let block = [b'x'; FLUSHED_BYTES];
        let mut micros = Vec::with_capacity(FLUSHES);
        for _ in 0..FLUSHES {
            let started = Instant::now();
            file.write_all(&block)?;
            file.sync_data()?;
            micros.push(started.elapsed().as_secs_f64() * 1e6);
        }
        std::fs::remove_file(path)?;
        micros.sort_by(f64::total_cmp);
        Ok(micros[FLUSHES / 2])
    }
}

impl Database {
    pub(crate) fn url(&self, role: &str) -> String {
        self.0.url(role)
    }
}
