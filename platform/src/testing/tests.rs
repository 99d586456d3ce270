use super::*;

#[tokio::test]
async fn each_test_has_a_database_of_its_own_with_every_migration() {
    let (one, other) = (database().await, database().await);
    assert_ne!(one.name, other.name);
    let admin = one.admin_pool().await;
    let owner: String = sqlx::query_scalar(
        "SELECT tableowner::text FROM pg_tables WHERE schemaname = 'store' AND tablename = 'events'",
    )
    .fetch_one(&admin)
    .await
    .unwrap();
    assert_eq!(owner, "migrator");
    for role in ROLES {
        let pool = one.pool(role).await;
        let me: String = sqlx::query_scalar("SELECT current_user::text").fetch_one(&pool).await.unwrap();
        assert_eq!(me, role);
    }
}

#[tokio::test]
async fn a_database_is_gone_with_its_test() {
    let kept = database().await;
    let dropped = database().await.name.clone();
    let admin = kept.admin_pool().await;
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(dropped)
        .fetch_one(&admin)
        .await
        .unwrap();
    assert!(!exists);
}

#[tokio::test]
async fn a_private_cluster_leaves_nothing_behind() {
    let cluster = PrivateCluster::start();
    let admin = cluster.admin();
    connect(&admin).await.close().await.unwrap();
    let directory = cluster.directory();
    drop(cluster);
    assert!(!directory.exists());
    assert!(PgConnection::connect_with(&admin).await.is_err());
}
