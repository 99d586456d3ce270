use std::sync::atomic::AtomicBool;

use actix_web::App;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use serde_json::{Value, json};

use super::*;

async fn ask(health: &Health, uri: &str) -> (u16, Value) {
    let app = init_service(App::new().configure(health.routes())).await;
    let answer = call_service(&app, TestRequest::get().uri(uri).to_request()).await;
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&read_body(answer).await).unwrap())
}

#[actix_web::test]
async fn ready_names_each_dependency_and_is_red_while_one_is_down() {
    let up = Arc::new(AtomicBool::new(true));
    let switch = up.clone();
    let health = Health::builder()
        .dependency("postgres", move || {
            let up = switch.load(Ordering::SeqCst);
            async move { if up { Ok(()) } else { Err("connection to 10.0.0.5 refused".to_owned()) } }
        })
        .dependency("appender", || async { Ok(()) })
        .build();

    let both = json!({ "ready": true, "draining": false, "dependencies": { "appender": "up", "postgres": "up" } });
    assert_eq!(ask(&health, "/health/ready").await, (200, both.clone()));

    up.store(false, Ordering::SeqCst);
    let one = json!({ "ready": false, "draining": false, "dependencies": { "appender": "up", "postgres": "down" } });
    assert_eq!(ask(&health, "/health/ready").await, (503, one));
    assert_eq!(ask(&health, "/health/live").await, (200, json!({ "live": true })));

    up.store(true, Ordering::SeqCst);
    assert_eq!(ask(&health, "/health/ready").await, (200, both));
}

#[actix_web::test]
async fn of_two_dependencies_under_one_name_the_worse_is_told() {
    for (first, second) in [(Ok(()), Err("away".to_owned())), (Err("away".to_owned()), Ok(()))] {
        let health = Health::builder()
            .dependency("postgres", move || std::future::ready(first.clone()))
            .dependency("postgres", move || std::future::ready(second.clone()))
            .build();
        let (status, body) = ask(&health, "/health/ready").await;
        assert_eq!((status, &body["dependencies"]["postgres"]), (503, &json!("down")));
    }
}

#[actix_web::test]
async fn health_can_only_be_read() {
    let app = init_service(App::new().configure(Health::default().routes())).await;
    for uri in ["/health/live", "/health/ready"] {
        let answer = call_service(&app, TestRequest::post().uri(uri).to_request()).await;
        assert_eq!(
            (answer.status().as_u16(), answer.headers().get("allow").unwrap()),
            (405, &"GET, HEAD".parse().unwrap())
        );
        let body: Value = serde_json::from_slice(&read_body(answer).await).unwrap();
        assert_eq!(body["code"], "method-not-allowed", "{uri}");
    }
}

#[tokio::test]
async fn a_dependency_that_does_not_answer_is_down() {
    let silent: Check = Box::new(|| std::future::pending().boxed());
    assert_eq!(state("postgres", &silent, Duration::from_millis(1)).await, State::Down);
}

#[actix_web::test]
async fn a_process_on_its_way_out_is_red_though_all_is_up() {
    let health = Health::builder().dependency("postgres", || async { Ok(()) }).build();
    health.drain();
    let (status, body) = ask(&health, "/health/ready").await;
    assert_eq!((status, &body["draining"], &body["dependencies"]["postgres"]), (503, &json!(true), &json!("up")));
    assert_eq!(ask(&health, "/health/live").await.0, 200);
}
