//! Commands while everything but the appenders goes through a real PgBouncer in transaction mode.

use std::collections::BTreeSet;

use actix_web::http::{Method, StatusCode};
use futures_util::future::join_all;
use platform::testing::{PgBouncer, database};
use serde_json::json;

use super::world::{World, request};

/// Fewer than there are callers, so that they meet on one.
const SERVER_CONNECTIONS: u32 = 2;
const DEVICES: usize = 40;

#[actix_web::test]
async fn commands_of_many_callers_are_all_answered_and_each_has_its_effect_behind_pgbouncer() {
    let database = database().await;
    let pgbouncer = PgBouncer::start(&database, SERVER_CONNECTIONS).await;
    let world = World::behind(&pgbouncer, database).await;
    let organizations = [world.found("acme", 1_000).await, world.found("globex", 1_000).await];
    let scanner = world.scanner_key(&organizations[0]).await;
    let (_, analyst) = world.join(&organizations[1], "ana", "analyst").await;

    let callers = [&organizations[0].admin, &organizations[1].admin];
    let registering = callers.iter().flat_map(|caller| (0..DEVICES).map(move |n| (caller, n))).map(|(caller, n)| {
        let register =
            request(Method::POST, caller, "/v1/devices").insert_header(("Idempotency-Key", format!("k{}", n / 2)));
        world.send(register.set_json(json!({"addresses": [format!("10.0.0.{}", n / 2)]})))
    });
    let registered = join_all(registering).await;
    assert!(registered.iter().all(|answer| answer.status == StatusCode::CREATED), "every key twice, none refused");
    let devices: BTreeSet<_> = registered.iter().map(|answer| answer.id()).collect();
    assert_eq!(devices.len(), DEVICES, "the same address is another device for each organization");
    assert_eq!(world.events("device.registered").await, i64::try_from(DEVICES).unwrap());

    let raising = (0..DEVICES).map(|n| {
        let caller = if n % 2 == 0 { &scanner } else { &analyst };
        world.post(
            caller,
            "/v1/findings",
            json!({"type": "open-port", "title": format!("port {n}"), "severity": "low", "rule": format!("r{n}")}),
        )
    });
    let raised = join_all(raising).await;
    assert!(
        raised.iter().all(|answer| answer.status.is_success()),
        "{:?}",
        raised.iter().find(|a| !a.status.is_success()).map(|a| &a.body)
    );
    world.log_in("acme", "admin").await;
}
