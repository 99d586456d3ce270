//! Through a real PgBouncer in transaction mode, with fewer server connections than clients.

use futures_util::future::join_all;
use sqlx::AssertSqlSafe;

use super::*;
use crate::testing::PgBouncer;

const CLIENTS: usize = 32;
const ROUNDS: usize = 40;

async fn behind_pgbouncer(server_connections: u32) -> (crate::testing::TestDatabase, PgBouncer, Pool) {
    let database = database().await;
    let pgbouncer = PgBouncer::start(&database, server_connections).await;
    let settings = Settings { pooler: Pooler::Transaction, connections: 16, ..Settings::default() };
    let pool = settings.reader(&secret(database.url_at(pgbouncer.port(), "reader"))).unwrap();
    (database, pgbouncer, pool)
}

#[tokio::test]
async fn statements_of_many_clients_on_few_server_connections_never_meet_each_other() {
    let (_database, _pgbouncer, pool) = behind_pgbouncer(3).await;
    self_check(pool.inner()).await.unwrap();
    reachable(pool.inner()).await.unwrap();
    join_all((0..CLIENTS).map(|client| {
        let pool = &pool;
        async move {
            for round in 0..ROUNDS {
                // Four texts under one connection each: a name used twice, or a statement that is another's, shows.
                let number = i64::try_from(client * ROUNDS + round).unwrap();
                let answer: i64 = match number % 4 {
                    0 => sqlx::query_scalar("SELECT $1::bigint").bind(number).fetch_one(pool).await,
                    1 => sqlx::query_scalar("SELECT $1::bigint + 0").bind(number).fetch_one(pool).await,
                    2 => sqlx::query_scalar("SELECT $1::text::bigint").bind(number.to_string()).fetch_one(pool).await,
                    _ => {
                        sqlx::query_scalar("SELECT $1::bigint * $2::bigint")
                            .bind(number)
                            .bind(1_i64)
                            .fetch_one(pool)
                            .await
                    }
                }
                .unwrap();
                assert_eq!(answer, number);
            }
        }
    }))
    .await;
}

#[tokio::test]
async fn no_client_sees_the_tenant_of_another_on_the_same_server_connection() {
    let (_database, _pgbouncer, pool) = behind_pgbouncer(1).await;
    const TENANT: &str = "SELECT coalesce(current_setting('app.tenant_id', true), '')";
    join_all((0..CLIENTS).map(|_| {
        let pool = &pool;
        async move {
            let mine = Uuid::now_v7();
            for _ in 0..ROUNDS / 4 {
                let mut tx = within(pool, mine).await.unwrap();
                let seen: String = sqlx::query_scalar(TENANT).fetch_one(tx.statements()).await.unwrap();
                assert_eq!(seen, mine.to_string());
                tx.rollback().await.unwrap();
                let outside: String = sqlx::query_scalar(TENANT).fetch_one(pool).await.unwrap();
                assert_eq!(outside, "", "between two transactions nobody's tenant is set");
            }
        }
    }))
    .await;
}

#[tokio::test]
async fn a_role_keeps_its_time_outs_behind_a_pooler() {
    let (_database, _pgbouncer, pool) = behind_pgbouncer(1).await;
    let time_out: String = sqlx::query_scalar("SHOW statement_timeout").fetch_one(&pool).await.unwrap();
    assert_eq!(time_out, "5s");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a statement text for each connection shows what names would do")]
async fn a_direct_pool_s_named_statements_would_fail_there() {
    let (database, pgbouncer, _) = behind_pgbouncer(1).await;
    let named = Settings { connections: 4, ..Settings::default() };
    let named = named.reader(&secret(database.url_at(pgbouncer.port(), "reader"))).unwrap();
    let answers = join_all((0..8_i64).map(|number| {
        let named = &named;
        let text = AssertSqlSafe(format!("SELECT $1::bigint + {number}"));
        async move { sqlx::query_scalar::<_, i64>(text).bind(number).fetch_one(named).await }
    }))
    .await;
    let right =
        answers.iter().enumerate().filter(|(n, got)| got.as_ref().is_ok_and(|got| *got == 2 * *n as i64)).count();
    assert!(right < answers.len(), "the pooler keeps names apart, and the mode is no longer needed");
}
