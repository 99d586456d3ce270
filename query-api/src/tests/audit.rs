//! The audit trail and its filters.

use uuid::Uuid;

use super::world::World;

/// Ten entries, one a minute, by two actors on three objects.
async fn entries(world: &World, tenant: Uuid, user: Uuid, object: Uuid) {
    sqlx::query(
        "WITH added AS (
             INSERT INTO read_g1.audit_trail (tenant_id, partition, seq, recorded_at, actor, action, object_kind,
                 object_id, object_version, correlation, event_id, detail_json)
             SELECT $1, 0, n, '2026-03-01T12:00:00Z'::timestamptz + n * interval '1 minute',
                 CASE n % 2 WHEN 0 THEN 'user:' || $2 ELSE 'system:timer' END,
                 CASE n % 5 WHEN 0 THEN 'device.retired' ELSE 'finding.confirmed' END,
                 CASE n % 5 WHEN 0 THEN 'device' ELSE 'finding' END,
                 CASE n WHEN 3 THEN $3 ELSE gen_random_uuid() END, 1, gen_random_uuid(), gen_random_uuid(), '{\"n\":' || n || '}'
             FROM generate_series(1, 10) AS n RETURNING 1)
         INSERT INTO read_g1.audit_trail_totals (tenant_id, total) SELECT $1, count(*) FROM added",
    )
    .bind(tenant)
    .bind(user)
    .bind(object)
    .execute(&world.admin)
    .await
    .unwrap();
}

#[actix_web::test]
async fn the_trail_is_filtered_by_actor_action_object_and_time() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "auditor").await;
    let (user, object) = (Uuid::now_v7(), Uuid::now_v7());
    entries(&world, tenant, user, object).await;
    for (query, expected) in [
        (String::new(), vec![10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        (format!("actor=user:{user}"), vec![10, 8, 6, 4, 2]),
        ("action=device.retired".to_owned(), vec![10, 5]),
        ("object=device".to_owned(), vec![10, 5]),
        (format!("object={object}"), vec![3]),
        (format!("object={object},device"), vec![10, 5, 3]),
        ("from=2026-03-01T12:08:00Z".to_owned(), vec![10, 9, 8]),
        ("to=2026-03-01T12:03:00Z".to_owned(), vec![2, 1]),
        ("from=2026-03-01T13:04:00%2B01:00&to=2026-03-01T12:06:00Z".to_owned(), vec![5, 4]),
        ("from=2026-03-01T12:04:00Z&actor=system:timer&action=finding.confirmed".to_owned(), vec![9, 7]),
        ("from=2027-01-01T00:00:00Z".to_owned(), vec![]),
        ("to=2020-01-01T00:00:00Z".to_owned(), vec![]),
    ] {
        let page = world.read(&token, &format!("/v1/audit-trail?{query}")).await;
        let items = page["items"].as_array().unwrap();
        let seen: Vec<i64> = items.iter().map(|item| item["detail"]["n"].as_i64().unwrap()).collect();
        assert_eq!(seen, expected, "{query}");
        assert_eq!(page["total"]["value"], expected.len(), "{query}");
    }
    for query in
        ["from=yesterday", "actor=", "actor=A", "object=planet", "to=2026-03-01T12:00:00Z&to=2026-03-01T12:00:00Z"]
    {
        assert_eq!(world.get(&token, &format!("/v1/audit-trail?{query}")).await.status, 400, "{query}");
    }
}

#[actix_web::test]
async fn the_trail_is_paged_with_its_filters() {
    let world = World::new().await;
    let tenant = world.organization("acme").await;
    let token = world.user(tenant, "administrator").await;
    entries(&world, tenant, Uuid::now_v7(), Uuid::now_v7()).await;
    let uri = "/v1/audit-trail?limit=3&actor=system:timer";
    let first = world.read(&token, uri).await;
    let second = world.read(&token, &format!("{uri}&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!(second["items"][0]["detail"]["n"], 3);
    assert_eq!(second["next"], serde_json::Value::Null);
}
