//! The whole query side through a real PgBouncer in transaction mode.

use futures_util::future::join_all;
use platform::{
    env::Secret,
    postgres::{Pooler, Settings, replicas::Limits},
    testing::{PgBouncer, database},
};

use super::world::World;

const SERVER_CONNECTIONS: u32 = 2;
const ROUNDS: usize = 12;
const ROUTES: [&str; 7] =
    ["/v1/me", "/v1/organization", "/v1/devices", "/v1/findings", "/v1/scans", "/v1/summary", "/v1/users"];

#[actix_web::test]
async fn everything_is_answered_and_nobody_sees_another_s_rows_behind_pgbouncer() {
    let database = database().await;
    let pgbouncer = PgBouncer::start(&database, SERVER_CONNECTIONS).await;
    let settings = Settings { pooler: Pooler::Transaction, connections: 12, ..Settings::default() };
    let reader = settings.reader(&Secret::new(database.url_at(pgbouncer.port(), "reader"))).unwrap();
    let world = World::on(database, reader, vec![], Limits::default()).await;
    let mut callers = vec![];
    for devices in 1..=4_i64 {
        let tenant = world.organization(&format!("tenant-{devices}")).await;
        world.devices(tenant, devices).await;
        world.findings(tenant, devices * 3).await;
        callers.push((devices, world.user(tenant, "administrator").await));
    }
    join_all(callers.iter().flat_map(|caller| (0..4).map(move |lane| (caller, lane))).map(
        |((devices, token), lane)| {
            let world = &world;
            async move {
                for round in 0..ROUNDS {
                    let route = ROUTES[(round + lane) % ROUTES.len()];
                    let answer = world.get(token, route).await;
                    assert_eq!(answer.status, 200, "{route}: {}", answer.text());
                    let mine = match route {
                        "/v1/devices" => *devices,
                        "/v1/findings" => devices * 3,
                        _ => continue,
                    };
                    assert_eq!(answer.json()["total"]["value"], mine, "{route}: {}", answer.text());
                }
            }
        },
    ))
    .await;
}
