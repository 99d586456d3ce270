//! Redis makes things faster while it is there; taking it away costs no answer. And limits hold without it.

use std::time::{Duration, Instant};

use acceptance::callers::{Client, Organization, log_in};
use acceptance::server::Server;
use futures_util::future::join_all;
use platform::private_redis::PrivateRedis;
use platform::testing::redis_directory;
use serde_json::json;

const READERS: usize = 6;
const PHASE: Duration = Duration::from_secs(2);
/// What a request may take while Redis is silent: its limit, and what a busy machine adds.
const P99_MAX: Duration = Duration::from_millis(1_500);

/// Reads and writes until the time is up, and says how long each request took.
async fn load(client: &Client, until: Instant) -> Vec<Duration> {
    let mut took = vec![];
    for number in 0.. {
        let began = Instant::now();
        if began >= until {
            break;
        }
        let answer = match number % 4 {
            0 => client.post("/v1/findings", json!({ "type": "weakness", "title": "Load", "severity": "low" })).await,
            1 => client.get("/v1/findings?limit=10").await,
            _ => client.get("/v1/summary").await,
        };
        assert!(answer.status < 400, "{}: {}", answer.status, answer.text());
        took.push(began.elapsed());
    }
    took
}

async fn p99(client: &Client) -> Duration {
    let until = Instant::now() + PHASE;
    let mut took: Vec<Duration> = join_all((0..READERS).map(|_| load(client, until))).await.concat();
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_stopped_killed_and_brought_back_under_load_costs_no_answer() {
    let directory = redis_directory();
    let mut redis = tokio::task::spawn_blocking(move || PrivateRedis::start(&directory).unwrap()).await.unwrap();
    let server = Server::start_with(&[("SECURENET_REDIS_URL", &redis.url())]).await;
    let organization = Organization::found(&server).await;
    let client = organization.administrator.client.clone();
    assert!(p99(&client).await < P99_MAX, "with Redis");
    redis.pause();
    assert!(p99(&client).await < P99_MAX, "with a silent Redis");
    redis.proceed();
    redis.kill_9();
    assert!(p99(&client).await < P99_MAX, "without Redis");
    redis.start_again().unwrap();
    assert!(p99(&client).await < P99_MAX, "with an empty Redis");
    let last =
        client.post("/v1/findings", json!({ "type": "weakness", "title": "Last", "severity": "critical" })).await;
    let asked =
        client.request(reqwest::Method::GET, "/v1/summary").header("x-consistency", last.expect(201).position());
    let summary = acceptance::callers::send(asked).await.expect(200).json();
    let total = client.get("/v1/findings?limit=1").await.expect(200).json()["total"]["value"].clone();
    assert_eq!(summary["findings"]["total"], total);
}

#[tokio::test]
async fn a_flood_of_log_ins_is_refused_before_it_fills_the_hashing_queue() {
    let server = Server::start_with(&[("SECURENET_RATE_LIMIT_LOG_IN", "1/10")]).await;
    let organization = Organization::found(&server).await;
    let client = server.client();
    let tries = (0..120).map(|_| log_in(&client, &organization.slug, "ada", "not her password"));
    let answers = join_all(tries).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    let full = answers.iter().filter(|answer| answer.status == 503 && answer.code() == "overloaded");
    assert_eq!(full.count(), 0, "the hashing queue was full");
    assert!(count(429) > 80, "{} were refused", count(429));
    assert!((1..40).contains(&count(401)), "{} were hashed", count(401));
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(refused.code(), "rate-limited");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert!(refused.header("ratelimit").contains("\"log-in\";r=0;t="));
    assert!(refused.header("ratelimit-policy").contains("\"log-in\";q=10;w=10"));
    let known = organization.administrator.get("/v1/me").await.expect(200);
    assert!(known.header("ratelimit").starts_with("\"user\";r="));
}
