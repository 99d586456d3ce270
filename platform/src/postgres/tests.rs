mod pooler;
mod standbys;
mod tls;

use super::*;
use crate::env::Secret;
use crate::testing::{TestCluster, database};

fn secret(url: String) -> Secret {
    Secret::new(url)
}

fn small_pool(url: String) -> PgPool {
    let settings = Settings { connections: 1, ..Settings::default() };
    settings.reader(&secret(url)).unwrap().inner().clone()
}

#[tokio::test]
async fn the_services_roles_may_work_here() {
    let database = database().await;
    let settings = Settings::from_env(&crate::env::Env::from_pairs([]));
    let (writer, reader) = (
        settings.writer(&secret(database.url("writer"))).unwrap(),
        settings.reader(&secret(database.url("reader"))).unwrap(),
    );
    let projector = settings.projector(&secret(database.url("projector"))).unwrap();
    let relay = settings.relay(&secret(database.url("relay"))).unwrap();
    for pool in [writer.inner(), reader.inner(), &projector, &relay] {
        self_check(pool).await.unwrap();
    }
}

#[tokio::test]
async fn an_owner_and_a_superuser_are_refused_at_start() {
    let database = database().await;
    let owner = small_pool(database.url("migrator"));
    assert!(matches!(self_check(&owner).await, Err(SelfCheckError::Owner(role)) if role == "migrator"));
    let superuser = database.admin_pool().await;
    assert!(matches!(self_check(&superuser).await, Err(SelfCheckError::Bypasses(_))));
}

#[tokio::test]
async fn a_member_of_a_role_that_bypasses_is_refused_even_without_using_it() {
    // Roles belong to a cluster, so this one must be nobody else's.
    let cluster = TestCluster::private().await;
    let database = cluster.database().await;
    let admin = database.admin_pool().await;
    for (grant, refused) in [
        ("CREATE ROLE sees_all BYPASSRLS; GRANT sees_all TO reader", true),
        ("REVOKE sees_all FROM reader; GRANT migrator TO reader", true),
        ("REVOKE migrator FROM reader; ALTER ROLE reader SET statement_timeout = 0", true),
        ("ALTER ROLE reader SET statement_timeout = '5s'", false),
    ] {
        sqlx::raw_sql(grant).execute(&admin).await.unwrap();
        let reader = small_pool(database.url("reader"));
        assert_eq!(self_check(&reader).await.is_err(), refused, "{grant}");
    }
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_a_fault_and_nothing_to_wait_for() {
    let database = database().await;
    let nowhere = small_pool(database.url("reader") + "_nowhere");
    assert!(matches!(self_check(&nowhere).await, Err(SelfCheckError::Unavailable(_))));
}

#[tokio::test]
async fn a_pool_survives_a_restart_and_a_start_waits_for_postgres() {
    let cluster = TestCluster::private().await;
    let database = cluster.database().await;
    let pool = small_pool(database.url("reader"));
    reachable(&pool).await.unwrap();

    cluster.server().unwrap().crash();
    assert!(reachable(&pool).await.is_err());
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { self_check(&pool).await }
    });
    cluster.server().unwrap().resume();
    waiting.await.unwrap().unwrap();
    reachable(&pool).await.unwrap();
}
