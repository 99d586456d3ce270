//! Real Postgres and Kafka for tests: a cluster shared by all that run at once, and a fresh database for each test.
//!
//! `SECURENET_TEST_POSTGRES` names a cluster by a superuser's URL; without it a private one is started and removed when
//! the process ends, however it ends. A database is a copy of a template that has every migration. Never part of a
//! service.
#![expect(clippy::disallowed_methods, reason = "databases and roles cannot be bound values; their names are ours")]

mod kafka;
mod pgbouncer;
mod private_cluster;
mod shared_redis;
mod template;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use tokio::sync::OnceCell;
use uuid::Uuid;

pub use kafka::{TestKafka, kafka};
pub use pgbouncer::PgBouncer;
pub use private_cluster::PrivateCluster;
pub use shared_redis::{TestRedis, redis, redis_directory};

/// The roles of `migrations/roles.sql`; in a test cluster the password of each is its name.
pub const ROLES: [&str; 5] = ["migrator", "writer", "relay", "projector", "reader"];
const POOL_CONNECTIONS_MAX: u32 = 10;

static SHARED: OnceCell<TestCluster> = OnceCell::const_new();

/// A cluster whose template is ready.
pub struct TestCluster {
    admin: PgConnectOptions,
    template: String,
    /// Held for its drop alone; a shared one lives as long as the process.
    private: Option<PrivateCluster>,
}

/// A database of its own, dropped with this value.
pub struct TestDatabase {
    pub name: String,
    admin: PgConnectOptions,
}

/// A fresh database on the shared cluster.
pub async fn database() -> TestDatabase {
    TestCluster::shared().await.database().await
}

impl TestCluster {
    /// The one of this process.
    pub async fn shared() -> &'static Self {
        SHARED
            .get_or_init(|| async {
                match std::env::var("SECURENET_TEST_POSTGRES") {
                    Ok(url) => {
                        let admin = PgConnectOptions::from_str(&url).expect("SECURENET_TEST_POSTGRES is a URL");
                        Self::with_template(admin.database("postgres"), None).await
                    }
                    Err(_) => Self::private().await,
                }
            })
            .await
    }

    /// One that a test may stop and start without harm to others.
    pub async fn private() -> Self {
        Self::on(PrivateCluster::start()).await
    }

    /// Makes the template on a cluster that was started in the caller's way.
    pub async fn on(cluster: PrivateCluster) -> Self {
        Self::with_template(cluster.admin(), Some(cluster)).await
    }

    /// The server itself, of a private cluster.
    pub fn server(&self) -> Option<&PrivateCluster> {
        self.private.as_ref()
    }

    pub async fn database(&self) -> TestDatabase {
        let name = format!("securenet_test_{}", Uuid::now_v7().simple());
        let mut admin = connect(&self.admin).await;
        // Both names are made of our own letters and digits.
        let copy = format!("CREATE DATABASE {name} TEMPLATE {} OWNER migrator", self.template);
        sqlx::raw_sql(AssertSqlSafe(copy)).execute(&mut admin).await.expect("the template can be copied");
        TestDatabase { name, admin: self.admin.clone() }
    }

    async fn with_template(admin: PgConnectOptions, private: Option<PrivateCluster>) -> Self {
        let template = template::ensure(&admin).await;
        Self { admin, template, private }
    }
}

impl TestDatabase {
    /// How a service connects as a role.
    pub fn url(&self, role: &str) -> String {
        format!("postgres://{role}:{role}@{}:{}/{}", self.admin.get_host(), self.admin.get_port(), self.name)
    }

    /// The same at another server that has this database: a standby, or a pooler.
    pub fn url_at(&self, port: u16, role: &str) -> String {
        format!("postgres://{role}:{role}@127.0.0.1:{port}/{}", self.name)
    }

    /// As the superuser, for what a test arranges behind the services' backs.
    pub fn admin(&self) -> PgConnectOptions {
        self.admin.clone().database(&self.name)
    }

    /// The same, for a test that connects with settings of its own.
    pub fn options(&self, role: &str) -> PgConnectOptions {
        PgConnectOptions::from_str(&self.url(role)).expect("the URL is ours")
    }

    pub async fn pool(&self, role: &str) -> PgPool {
        connect_pool(self.options(role)).await
    }

    pub async fn admin_pool(&self) -> PgPool {
        connect_pool(self.admin()).await
    }
}

impl Drop for TestDatabase {
    /// On a thread of its own, since a drop cannot wait in the test's runtime.
    fn drop(&mut self) {
        let (name, admin) = (self.name.clone(), self.admin.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect_with(&admin).await?;
                let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            })
        })
        .join();
        // A database left behind costs a little disk; failing here would hide the test's own failure.
        drop(dropped);
    }
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    PgConnection::connect_with(options).await.expect("the test cluster answers")
}

async fn connect_pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(POOL_CONNECTIONS_MAX)
        .connect_with(options)
        .await
        .expect("the test database answers")
}
