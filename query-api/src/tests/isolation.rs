//! One tenant never sees another's rows, whoever forgets what.

use sqlx::Row;
use uuid::Uuid;

use super::world::{ANY_DEVICE, ANY_FINDING, ANY_SCAN, World};
use crate::tenant_tx::Reader;

async fn count(tx: &mut crate::tenant_tx::TenantTx, sql: &'static str) -> i64 {
    sqlx::query(sql).fetch_one(tx.connection()).await.unwrap().get(0)
}

const DEVICES: &str = "SELECT count(*) FROM read.devices";

#[actix_web::test]
async fn a_statement_that_forgets_its_tenant_still_sees_only_its_own_rows() {
    let world = World::new().await;
    let (tenant, other) = (world.organization("acme").await, world.organization("globex").await);
    world.devices(tenant, 3).await;
    world.devices(other, 5).await;
    let reader = Reader::new(world.reader.clone().into());
    assert_eq!(count(&mut reader.tenant(tenant).await.unwrap(), DEVICES).await, 3);
    assert_eq!(count(&mut reader.tenant(other).await.unwrap(), DEVICES).await, 5);
    assert_eq!(count(&mut reader.tenant(Uuid::now_v7()).await.unwrap(), DEVICES).await, 0);
}

#[actix_web::test]
async fn a_connection_remembers_no_tenant() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    world.devices(tenant, 3).await;
    let reader = Reader::new(world.reader.clone().into());
    for _ in 0..20 {
        drop(reader.tenant(tenant).await.unwrap());
        let seen: i64 = sqlx::query_scalar(DEVICES).fetch_one(&world.reader).await.unwrap();
        assert_eq!(seen, 0);
    }
}

#[actix_web::test]
async fn a_transaction_of_a_tenant_cannot_write() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let mut tx = Reader::new(world.reader.clone().into()).tenant(tenant).await.unwrap();
    let refused = sqlx::query("CREATE TEMPORARY TABLE t (n int)").execute(tx.connection()).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some("25006"));
}

#[actix_web::test]
async fn another_tenants_ids_are_not_there() {
    let world = World::new().await;
    let (tenant, other) = (world.organization("acme").await, world.organization("globex").await);
    let token = world.user(tenant, "administrator").await;
    world.devices(other, 1).await;
    world.findings(other, 1).await;
    world.scans(other, None, 1).await;
    let device = world.any_id(ANY_DEVICE, other).await;
    let finding = world.any_id(ANY_FINDING, other).await;
    let scan = world.any_id(ANY_SCAN, other).await;
    for uri in [
        format!("/v1/devices/{device}"),
        format!("/v1/findings/{finding}"),
        format!("/v1/findings/{finding}/history"),
        format!("/v1/scans/{scan}"),
        "/v1/devices/not-an-id".to_owned(),
    ] {
        let answer = world.get(&token, &uri).await;
        assert_eq!(answer.status, 404, "{uri}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    for uri in ["/v1/devices", "/v1/findings", "/v1/scans"] {
        assert_eq!(world.read(&token, uri).await["items"], serde_json::json!([]), "{uri}");
    }
}
