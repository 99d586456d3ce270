//! What `reader` sees through the views: its own tenant, and nothing without one.

use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::world::{Fact, World, id};
use crate::registry;

#[tokio::test]
async fn a_reader_sees_only_the_tenant_it_names() {
    let world = World::new().await;
    let (ours, theirs) = (id(1), id(2));
    world.append_fact(Fact::registered(ours, id(10), "router")).await;
    world.append_fact(Fact::registered(theirs, id(11), "router")).await;
    world.append_fact(Fact::raised(ours, id(12), Some(id(10)), "high")).await;
    world.append_fact(Fact::broken(theirs, id(11), "device.status-reported")).await;
    world.catch_up_all(100).await;
    let reader = world.database.pool("reader").await;
    for view in [
        "devices",
        "findings",
        "finding_history",
        "finding_cves",
        "finding_counts",
        "device_risk",
        "daily_counts",
        "audit_trail",
    ] {
        assert!(seen(&reader, view, Some(ours)).await.iter().all(|tenant| *tenant == ours), "{view}");
        assert!(!seen(&reader, view, Some(ours)).await.is_empty(), "{view}");
        assert!(seen(&reader, view, None).await.is_empty(), "{view}");
    }
    assert!(seen(&reader, "parked_streams", Some(ours)).await.is_empty());
    assert_eq!(seen(&reader, "parked_streams", Some(theirs)).await, [theirs, theirs]);
}

#[tokio::test]
async fn a_reader_writes_nothing_and_does_not_see_what_a_projection_remembers() {
    let world = World::new().await;
    let reader = world.database.pool("reader").await;
    for statement in [
        "DELETE FROM read.devices",
        "UPDATE read.checkpoints SET seq = 9",
        "SELECT count(*) FROM read_g1.summary_findings",
        "SELECT read.create_generation('devices', 2, 1::smallint, 'filling')",
    ] {
        let refused = sqlx::query(statement).execute(&reader).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501", "{statement}");
    }
}

#[tokio::test]
async fn operators_list_all_organizations_through_the_one_function() {
    let world = World::new().await;
    for (number, slug) in [(1, "beta"), (2, "alpha"), (3, "gamma")] {
        let founded = serde_json::json!({"slug": slug, "name": slug, "plan": "free", "device_limit": 100});
        world.append_fact(Fact::json(id(number), id(number), "organization.founded", founded)).await;
    }
    world.catch_up_all(100).await;
    let reader = world.database.pool("reader").await;
    let slugs = |after: Option<&'static str>| {
        sqlx::query_scalar::<_, String>("SELECT slug FROM read.list_organizations($1, 2)")
            .bind(after)
            .fetch_all(&reader)
    };
    assert_eq!(slugs(None).await.unwrap(), ["alpha", "beta"]);
    assert_eq!(slugs(Some("beta")).await.unwrap(), ["gamma"]);
    let count: i64 = sqlx::query_scalar("SELECT read.count_organizations(2)").fetch_one(&reader).await.unwrap();
    assert_eq!(count, 2);
}

#[tokio::test]
async fn a_later_generation_comes_with_its_policies_and_the_views_move_to_it() {
    let world = World::new().await;
    let migrator = world.database.pool("migrator").await;
    for projection in registry::ALL.iter().map(|projection| projection.name) {
        for step in [
            format!("SELECT read.create_generation('{projection}', 2, 1::smallint, 'filling')"),
            format!("SELECT read.index_generation('{projection}', 2)"),
            format!("UPDATE read.generations SET state = 'ready' WHERE projection = '{projection}' AND generation = 2"),
            format!("SELECT read.switch_generation('{projection}', 2)"),
        ] {
            QueryBuilder::<Postgres>::new(step).build().execute(&migrator).await.unwrap();
        }
    }
    let bare = world
        .number("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
                 WHERE nspname ~ '^read(_g[0-9]+)?$' AND relkind = 'r' AND NOT (relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))")
        .await;
    assert_eq!(bare, 0);
    let projections = registry::ALL.len() as i64;
    assert_eq!(world.number("SELECT count(*) FROM read.live_generations WHERE generation = 2").await, projections);
    assert_eq!(world.number("SELECT count(*) FROM read.live_checkpoints").await, projections * 64);
}

async fn seen(reader: &PgPool, view: &str, tenant: Option<Uuid>) -> Vec<Uuid> {
    let mut transaction = reader.begin().await.unwrap();
    if let Some(tenant) = tenant {
        let set = "SELECT set_config('app.tenant_id', $1, true)";
        sqlx::query(set).bind(tenant.to_string()).execute(&mut *transaction).await.unwrap();
    }
    let select = format!("SELECT tenant_id FROM read.{view}");
    QueryBuilder::<Postgres>::new(select).build_query_scalar().fetch_all(&mut *transaction).await.unwrap()
}
